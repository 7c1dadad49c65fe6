//! A text as a QR code, in a picture that pages and apps show without a script.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use qrcodegen::{QrCode, QrCodeEcc};

use super::png;

/// The light border that readers need, in modules (ISO/IEC 18004 section 5.3.8).
const BORDER: i32 = 4;
/// The picture is drawn as large as fits into so many pixels.
const SIDE: i32 = 256;

/// A `data:` URL of a PNG; `None` for a text that is too long for a QR code.
pub fn data_url(text: &str) -> Option<String> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let modules = code.size() + 2 * BORDER;
    let scale = (SIDE / modules).max(1);
    let side = u32::try_from(modules * scale).ok()?;
    let picture = png::grey(side, |x, y| {
        let module = |pixel: u32| i32::try_from(pixel).unwrap_or_default() / scale - BORDER;
        code.get_module(module(x), module(y))
    });
    Some(format!("data:image/png;base64,{}", STANDARD.encode(picture)))
}
