//! Writes the file of heads (docs/spec/guard-heads.md). `policy::guard::heads` reads it.

use policy::guard::verdict::Digest;

/// The numbers of one head.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) scale: f32,
    pub(crate) bias: f32,
    pub(crate) thresholds: [f32; 3],
    pub(crate) weights: Vec<i8>,
    pub(crate) over_vector: Option<OverVector>,
}

/// The numbers of one head for the encoder's vector.
#[derive(Debug)]
pub(crate) struct OverVector {
    pub(crate) share: f32,
    pub(crate) bias: f32,
    pub(crate) thresholds: [f32; 3],
    pub(crate) weights: Vec<f32>,
}

/// Returns the file's bytes. The heads have the codes from `first` on.
pub(crate) fn file(
    encoder: Option<(Digest, usize)>,
    data: Digest,
    rarity: &[u8],
    first: u8,
    heads: &[Numbers],
) -> Vec<u8> {
    let mut file = b"BWHEADS1".to_vec();
    let dimensions = encoder.map_or(0, |(_, dimensions)| dimensions);
    file.extend(encoder.map_or([0; 32], |(digest, _)| *digest.bytes()));
    file.extend(data.bytes());
    file.extend([u8::try_from(heads.len()).unwrap_or(0), 0]);
    file.extend(u16::try_from(dimensions).unwrap_or(0).to_le_bytes());
    file.extend(rarity);
    for (code, head) in (first..).zip(heads) {
        file.extend([code, 0, 0, 0]);
        put(&mut file, &[head.scale, head.bias]);
        put(&mut file, &head.thresholds);
        if let Some(over) = &head.over_vector {
            put(&mut file, &[over.share, over.bias]);
            put(&mut file, &over.thresholds);
            put(&mut file, &over.weights);
        }
        file.extend(head.weights.iter().map(|one| one.cast_unsigned()));
    }
    let sum = Digest::of(&file);
    file.extend(sum.bytes());
    file
}

fn put(file: &mut Vec<u8>, numbers: &[f32]) {
    numbers.iter().for_each(|number| file.extend(number.to_le_bytes()));
}
