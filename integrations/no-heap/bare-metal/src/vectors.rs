//! All vectors that fit a fixed amount of memory, answered on a Cortex-M4 for `questions.py` to
//! judge.
#![no_std]
#![no_main]

use core::{fmt, panic::PanicInfo};

use cortex_m_rt::entry;
use cortex_m_semihosting::{
    debug::{self, EXIT_FAILURE, EXIT_SUCCESS},
    hio::{self, HostStream},
};
use heapless::String;
use ringway_answers::Memory;

/// What `questions.py ask` wrote when this was built.
static QUESTIONS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/questions.bin"));

#[entry]
fn main() -> ! {
    // `entry` hands out the only reference there is.
    static mut MEMORY: Memory = Memory::new();

    let is_written = answers(MEMORY).is_ok();
    debug::exit(if is_written { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {}
}

fn answers(memory: &mut Memory) -> fmt::Result {
    let host = hio::hstdout().map_err(|()| fmt::Error)?;
    let mut out = Out { host, line: String::new() };
    ringway_answers::answer(QUESTIONS, memory, &mut out);
    out.flush()
}

/// Each call of the host stops the processor, so there is one for many characters.
struct Out {
    host: HostStream,
    line: String<1_024>,
}

impl Out {
    fn flush(&mut self) -> fmt::Result {
        self.host.write_all(self.line.as_bytes()).map_err(|()| fmt::Error)?;
        self.line.clear();
        Ok(())
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.line.len() + text.len() > self.line.capacity() {
            self.flush()?;
        }
        self.line.push_str(text).map_err(|_| fmt::Error)
    }
}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(EXIT_FAILURE);
    loop {}
}
