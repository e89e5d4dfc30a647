//! ZIP archives: stored, not compressed, without a copy of the files' bytes.

use bytes::Bytes;

use crate::body::Body;
use crate::content::Content;
use crate::ids::Id;
use crate::names;
use crate::response::ErrorResponse;
use crate::tree::Tree;

/// 1980-01-01 for all entries, so that equal files give equal archives.
const DATE: u16 = 0x0021;

/// Start of every entry header: version 2.0, UTF-8 names, stored, no time.
const COMMON: [u16; 5] = [20, 1 << 11, 0, 0, DATE];

/// Packs items recursively. An archive has at most 65,535 entries and 4 GiB.
pub(crate) fn archive(tree: &Tree, items: &[Id]) -> Result<Body, ErrorResponse> {
    let too_large =
        || ErrorResponse::new(400, 21, "not supported: the archive would have more than 65535 entries or 4 GiB");
    let (mut body, mut directory, mut count) = (Body::default(), Vec::new(), 0_u16);
    for (path, content) in entries(tree, items) {
        let length = u16::try_from(path.len()).map_err(|_| too_large())?;
        let size = u32::try_from(content.len()).map_err(|_| too_large())?;
        let offset = u32::try_from(body.len()).map_err(|_| too_large())?;
        count = count.checked_add(1).ok_or_else(too_large)?;
        let mut fields = Vec::new();
        put16(&mut fields, &COMMON);
        put32(&mut fields, &[crc32(&content), size, size]);
        put16(&mut fields, &[length, 0]);

        let mut header = b"PK\x03\x04".to_vec();
        header.extend_from_slice(&fields);
        header.extend_from_slice(path.as_bytes());
        body.push(Bytes::from(header));
        content.pieces().for_each(|piece| body.push(piece.clone()));

        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&fields);
        put16(&mut directory, &[0, 0, 0]);
        put32(&mut directory, &[0, offset]);
        directory.extend_from_slice(path.as_bytes());
    }
    let start = u32::try_from(body.len()).map_err(|_| too_large())?;
    let length = u32::try_from(directory.len()).map_err(|_| too_large())?;
    directory.extend_from_slice(b"PK\x05\x06");
    put16(&mut directory, &[0, 0, count, count]);
    put32(&mut directory, &[length, start]);
    put16(&mut directory, &[0]);
    body.push(Bytes::from(directory));
    Ok(body)
}

/// Paths and contents; a folder's path ends with a slash.
fn entries(tree: &Tree, items: &[Id]) -> Vec<(String, Content)> {
    let mut roots: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for item in items {
        let Ok(node) = tree.get(*item) else { continue };
        // Items from different folders may have the same name.
        let root = names::free(&node.name, |name| roots.iter().any(|root| root == name));
        let mut open = vec![(*item, root.clone())];
        roots.push(root);
        while let Some((id, path)) = open.pop() {
            if let Some(children) = tree.children(id) {
                open.extend(children.iter().rev().map(|(name, id)| (*id, format!("{path}/{name}"))));
                found.push((format!("{path}/"), Content::default()));
            } else if let Some(content) = tree.content(id) {
                found.push((path, content.clone()));
            }
        }
    }
    found
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    numbers.iter().for_each(|number| to.extend_from_slice(&number.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    numbers.iter().for_each(|number| to.extend_from_slice(&number.to_le_bytes()));
}

fn crc32(content: &Content) -> u32 {
    let table = std::array::from_fn::<u32, 256, _>(|index| {
        (0..8).fold(index as u32, |rest, _| if rest & 1 == 1 { rest >> 1 ^ 0xedb8_8320 } else { rest >> 1 })
    });
    let bytes = content.pieces().flat_map(|piece| piece.iter());
    !bytes.fold(!0, |rest, byte| rest >> 8 ^ table[usize::from(rest as u8 ^ byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_standard_crc32() {
        let content = Content::from(Bytes::from_static(b"123456789"));
        assert_eq!(crc32(&content), 0xcbf4_3926);
        assert_eq!(crc32(&Content::default()), 0);
    }
}
