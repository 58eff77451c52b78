//! The status page: one HTML document that needs nothing from anywhere else.
//!
//! It holds no secret and no data: its script asks the API, with the token that whoever looks at it
//! has typed in. The policy in its headers lets the browser run exactly this script and style, and
//! talk to nobody but this listener.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::Full;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The document, and its policy.
static PAGE: LazyLock<(String, String)> = LazyLock::new(|| {
    let page = include_str!("page.html").replace("{style}", STYLE).replace("{script}", SCRIPT);
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        base64(&Sha256::digest(SCRIPT)),
        base64(&Sha256::digest(STYLE)),
    );
    (page, policy)
});

/// The answer to `GET /`.
pub(super) fn page() -> Response<Full<Bytes>> {
    let (page, policy) = &*PAGE;
    let mut response = Response::new(Full::new(Bytes::from_static(page.as_bytes())));
    let headers = response.headers_mut();
    let policy = HeaderValue::from_str(policy).expect("ASCII");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let fixed: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Base64 as it stands in a policy.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4_usize {
            let index = usize::try_from(bits >> (18 - 6 * digit) & 63).unwrap_or(0);
            text.push(if digit <= three.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), encoded);
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = &PAGE.0;
        assert!(page.contains(STYLE) && page.contains(SCRIPT));
        let names = page.replace("http://www.w3.org/2000/svg", "");
        for foreign in ["http://", "https://", "src=", "@import", "url(", "<link", "<img"] {
            assert!(!names.contains(foreign), "{foreign}");
        }
        // The policy would stop these, and names of nodes must never become markup.
        for unsafe_way in
            ["innerHTML", "outerHTML", "insertAdjacent", "eval(", " onclick", " style="]
        {
            assert!(!page.contains(unsafe_way), "{unsafe_way}");
        }
    }
}
