//! Listings.

use super::{Place, assert_fails};
use crate::error::{Result, UfsErrorKind};
use crate::listing::ListOptions;

/// Names that tell key order from other orders: `-`, `.` and `/` follow each other in ASCII.
const FILES: &[&str] = &["a/x", "a/y/z", "a-b", "a.txt", "B", "b/1", "b/10", "b/2", "é", "zz"];

async fn tree(place: &Place) -> Result<()> {
    for file in FILES {
        place.put(file, b"x").await?;
    }
    Ok(())
}

pub(super) async fn pages_in_key_order(place: Place) -> Result<()> {
    tree(&place).await?;
    let mut expected = ["B", "a-b", "a.txt", "a/", "b/", "zz", "é"].map(str::to_owned).to_vec();
    let ordered = place.ufs.capabilities().ordered_listing;
    for limit in [1, 2, 3, 100, usize::MAX] {
        let options = ListOptions { limit, ..ListOptions::default() };
        for page in place.pages("", options.clone()).await? {
            assert!(page.entries.len() <= limit);
            assert!(page.unreadable.is_empty());
        }
        let mut keys = place.keys("", options).await?;
        if !ordered {
            keys.sort();
            expected.sort();
        }
        assert_eq!(keys, expected, "pages of {limit}");
    }
    Ok(())
}

pub(super) async fn resumed_anywhere(place: Place) -> Result<()> {
    if !place.ufs.capabilities().ordered_listing {
        return Ok(());
    }
    tree(&place).await?;
    for recursive in [false, true] {
        let all = place.keys("", ListOptions { recursive, ..ListOptions::default() }).await?;
        // Behind each key, behind what is no key, and at both ends.
        let starts = all.iter().map(String::as_str);
        for start in starts.chain(["", "a", "a/", "a/y", "a/y/", "a/yy", "a0", "b", "b/", "~~"]) {
            let options = ListOptions {
                recursive,
                start_after: Some(start.to_owned()),
                limit: 2,
                ..Default::default()
            };
            let expected: Vec<&String> = all.iter().filter(|key| key.as_str() > start).collect();
            assert_eq!(place.keys("", options).await?.iter().collect::<Vec<_>>(), expected, "{start:?}");
        }
        // Page by page, each with a listing of its own, as another process would go on.
        let mut keys = Vec::new();
        let mut start_after = None;
        loop {
            let options = ListOptions { recursive, start_after, limit: 3, ..ListOptions::default() };
            let mut lister = place.ufs.list(&place.at("")?, options).await?;
            let Some(page) = lister.next().await? else { break };
            keys.push(page.resume.clone());
            assert!(!page.entries.is_empty(), "this tree does not change");
            start_after = Some(page.resume);
        }
        assert_eq!(keys.len(), all.len().div_ceil(3));
        assert_eq!(keys.last(), all.last());
    }
    Ok(())
}

pub(super) async fn recursive(place: Place) -> Result<()> {
    tree(&place).await?;
    let mut keys = place.keys("", ListOptions::recursive()).await?;
    let folders = ["a/", "a/y/", "b/"];
    if !place.ufs.capabilities().directories {
        keys.retain(|key| !key.ends_with('/'));
    }
    let folders: &[&str] = if place.ufs.capabilities().directories { &folders } else { &[] };
    let mut expected: Vec<&str> = FILES.iter().chain(folders).copied().collect();
    expected.sort();
    if !place.ufs.capabilities().ordered_listing {
        keys.sort();
    }
    assert_eq!(keys, expected);
    let mut below = place.keys("a", ListOptions::recursive()).await?;
    below.retain(|key| !key.ends_with('/'));
    below.sort();
    assert_eq!(below, ["x", "y/z"]);
    Ok(())
}

pub(super) async fn many_entries(place: Place) -> Result<()> {
    const COUNT: usize = 2_500;
    place.make("").await?;
    for number in 0..COUNT {
        let path = place.at(&format!("{number:05}"))?;
        let options = crate::CreateOptions { durable: false, ..Default::default() };
        place.ufs.create(&path, options).await?.close().await?;
    }
    let pages = place.pages("", ListOptions::default()).await?;
    assert!(pages.len() >= 3, "the default page is bounded");
    let names: Vec<&str> = pages.iter().flat_map(|page| &page.entries).map(crate::UfsStatus::name).collect();
    let expected: Vec<String> = (0..COUNT).map(|number| format!("{number:05}")).collect();
    assert_eq!(names, expected);
    Ok(())
}

pub(super) async fn nothing_to_list(place: Place) -> Result<()> {
    place.put("file", b"x").await?;
    if place.ufs.capabilities().directories {
        place.make("empty").await?;
        assert!(place.keys("empty", ListOptions::default()).await?.is_empty());
        let nothing = place.at("nothing")?;
        let listed = place.keys("nothing", ListOptions::recursive()).await;
        assert_fails(listed, UfsErrorKind::NotFound, &nothing);
        let file = place.at("file")?;
        let listed = place.keys("file", ListOptions::default()).await;
        assert_fails(listed, UfsErrorKind::NotDirectory, &file);
    }
    Ok(())
}
