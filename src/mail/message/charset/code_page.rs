//! The code pages of DOS, which old devices and programs still write (cp437, cp850, cp852, cp858).

/// One of them: what its bytes from 0x80 stand for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CodePage(&'static str);

const CP437: CodePage = CodePage(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
     └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);
const CP850: CodePage = CodePage(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
     └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
);
const CP852: CodePage = CodePage(
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐\
     └┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
);
/// Code page 850 with the sign of the euro.
const CP858: CodePage = CodePage(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
     └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
);

impl CodePage {
    /// By a label in lower case, as `cp850`, `IBM-850`, `dos-850` or `850`.
    pub fn known(label: &str) -> Option<CodePage> {
        let bare: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
        let digits = bare.trim_start_matches(|c: char| !c.is_ascii_digit());
        let maker = bare.get(..bare.len() - digits.len()).unwrap_or_default();
        let makers =
            ["", "cp", "ibm", "dos", "msdos", "oem", "pc", "xcp", "xibm", "cpdos", "codepage", "ccsid", "cspc"];
        if bare == "cspc8codepage437" {
            return Some(CP437);
        }
        let digits = digits.trim_end_matches("multilingual").trim_end_matches("oem").trim_start_matches('0');
        match digits {
            "437" if makers.contains(&maker) => Some(CP437),
            "850" if makers.contains(&maker) => Some(CP850),
            "852" if makers.contains(&maker) || maker == "cspcp" => Some(CP852),
            "858" if makers.contains(&maker) => Some(CP858),
            _ => None,
        }
    }

    pub fn decode(self, bytes: &[u8]) -> String {
        let upper: Vec<char> = self.0.chars().collect();
        let read = |byte: u8| {
            let at = usize::from(byte).checked_sub(0x80);
            at.map_or(char::from(byte), |at| upper.get(at).copied().unwrap_or('\u{FFFD}'))
        };
        bytes.iter().map(|byte| read(*byte)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_whole() {
        for page in [CP437, CP850, CP852, CP858] {
            assert_eq!(page.0.chars().count(), 128);
        }
    }

    #[test]
    fn known_by_every_name() {
        let read = |label: &str, bytes: &[u8]| CodePage::known(label).map(|page| page.decode(bytes));
        for label in ["cp437", "ibm437", "437", "dos-437", "cspc8codepage437", "ms-dos 437", "oem437"] {
            assert_eq!(read(label, b"\x81 \x9b \xe3").as_deref(), Some("\u{fc} \u{a2} \u{3c0}"), "{label}");
        }
        for label in ["cp850", "ibm850", "850", "cspc850multilingual", "x-cp850"] {
            assert_eq!(read(label, b"\x81 \x9b \xd5").as_deref(), Some("\u{fc} \u{f8} \u{131}"), "{label}");
        }
        for label in ["cp852", "ibm852", "cspcp852"] {
            assert_eq!(read(label, b"\x88\xa5").as_deref(), Some("\u{142}\u{105}"), "{label}");
        }
        for label in ["cp858", "ibm00858", "cp00858", "ccsid00858"] {
            assert_eq!(read(label, b"\xd5").as_deref(), Some("\u{20ac}"), "{label}");
        }
        for label in ["cp1252", "iso-8859-1", "8500", "x850", "cp866", ""] {
            assert!(CodePage::known(label).is_none(), "{label}");
        }
    }
}
