//! What the benchmarks ask of the crate, each by its own functions: `peer tag LAYOUT TAG`,
//! `peer referrers LAYOUT DIGEST`, `peer build LAYOUT TAR gzip|zstd|none LEVEL`, `peer fsck LAYOUT`.

use std::error::Error;
use std::fs::File;
use std::io::{copy, BufReader};
use std::str::FromStr;

use ocidir::cap_std::ambient_authority;
use ocidir::cap_std::fs::Dir;
use ocidir::oci_spec::image::Digest;
use ocidir::{BlobWriter, Layer, LayerWriter, OciDir, WriteComplete};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["tag", layout, name] => {
            let found = open(layout)?.find_manifest_descriptor_with_tag(name)?;
            println!("{}", found.ok_or("no such tag")?.digest());
        }
        ["referrers", layout, digest] => {
            for found in open(layout)?.find_referrers(&Digest::from_str(digest)?, None)? {
                println!("{}", found.digest());
            }
        }
        ["build", layout, tar, codec, level] => build(layout, tar, codec, level.parse()?)?,
        ["fsck", layout] => println!("{}", open(layout)?.fsck()?),
        _ => return Err("peer tag|referrers|build|fsck LAYOUT …".into()),
    }
    Ok(())
}

fn folder(layout: &str) -> Outcome<Dir> {
    Ok(Dir::open_ambient_dir(layout, ambient_authority())?)
}

fn open(layout: &str) -> Outcome<OciDir> {
    Ok(OciDir::open(folder(layout)?)?)
}

fn build(layout: &str, tar: &str, codec: &str, level: u32) -> Outcome<()> {
    let dir = OciDir::ensure(folder(layout)?)?;
    let layer = match codec {
        "gzip" => fill(
            dir.create_gzip_layer(Some(flate2::Compression::new(level)))?,
            tar,
        )?,
        "zstd" => fill(dir.create_layer_zstd(Some(level.try_into()?))?, tar)?,
        "none" => fill(dir.create_uncompressed_layer()?, tar)?,
        _ => return Err("no such codec".into()),
    };
    println!(
        r#"{{"digest":"sha256:{}","size":{},"diffId":"{}"}}"#,
        layer.blob.sha256().digest(),
        layer.blob.size(),
        layer.uncompressed_sha256_as_digest(),
    );
    Ok(())
}

fn fill<'a, W: WriteComplete<BlobWriter<'a>>>(
    mut layer: LayerWriter<'a, W>,
    tar: &str,
) -> Outcome<Layer> {
    copy(
        &mut BufReader::with_capacity(1 << 18, File::open(tar)?),
        &mut layer,
    )?;
    Ok(layer.complete()?)
}
