//! Writes a synthetic link to a folder: `cargo bench --bench synthetic -- SHAPE SIZE FOLDER`, then
//! `linksweep gc --link-file FOLDER/link.txt -C FOLDER`. Without words it lists the shapes.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod shapes;

use std::path::Path;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [shape, size, folder] = words.as_slice() else {
        println!("synthetic SHAPE SIZE FOLDER");
        for (name, counts, _) in shapes::SHAPES {
            println!("  {name:18} {counts}");
        }
        return;
    };
    let size = size.parse().expect("a size is a number");
    let link = shapes::link(shape, size).expect("a shape of the list");
    link.write(Path::new(folder)).expect("a folder that can be written");
}
