/* A program without libc for x86-64 Linux: reads questions from its standard input, has them
 * answered by the static library, and writes what that says to its standard output. */

#include "no-libc.h"

/* What the library asks of its host. */

void freestanding_answer(const uint8_t *questions, size_t len);

void freestanding_write(const uint8_t *bytes, size_t len)
{
    write_all(bytes, len);
}

_Noreturn void freestanding_panic(void)
{
    end(101);
}

static uint8_t questions[8 << 20];

/* The kernel starts here with a stack as it likes it, not as the ABI promises it to functions. */
__attribute__((force_align_arg_pointer)) _Noreturn void _start(void)
{
    size_t len = 0;
    for (;;) {
        long got = system_call(READ, 0, questions + len, sizeof questions - len);
        if (got < 0 || len + (size_t)got == sizeof questions) {
            end(2);
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    freestanding_answer(questions, len);
    end(0);
}
