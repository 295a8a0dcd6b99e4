use loadcore::prelude::*;

struct Page;

impl Page {
    #[group]
    async fn open(&self) -> Result {
        Ok(())
    }
}

#[group]
async fn nameless(_: &Vu) -> Result {
    Ok(())
}

fn main() {}
