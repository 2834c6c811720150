//! What the benchmarks ask of the crate: `peer tag LAYOUT TAG`, `peer referrers LAYOUT DIGEST`.

use std::error::Error;
use std::str::FromStr;

use ocidir::cap_std::ambient_authority;
use ocidir::cap_std::fs::Dir;
use ocidir::oci_spec::image::Digest;
use ocidir::OciDir;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [verb, layout, name] = args.as_slice() else {
        return Err("peer tag|referrers LAYOUT NAME".into());
    };
    let dir = OciDir::open(Dir::open_ambient_dir(layout, ambient_authority())?)?;
    match verb.as_str() {
        "tag" => {
            let found = dir.find_manifest_descriptor_with_tag(name)?;
            println!("{}", found.ok_or("no such tag")?.digest());
        }
        "referrers" => {
            for found in dir.find_referrers(&Digest::from_str(name)?, None)? {
                println!("{}", found.digest());
            }
        }
        _ => return Err("no such verb".into()),
    }
    Ok(())
}
