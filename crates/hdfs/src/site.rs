//! Reads the XML files in which Hadoop keeps its settings.

use std::collections::HashMap;
use std::path::Path;

use crate::error::ConnectError;

/// Adds what a file sets, over what is there already. That Hadoop lets a file mark a property as final is not looked at.
pub(crate) fn read_into(path: &Path, settings: &mut HashMap<String, String>) -> Result<(), ConnectError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConnectError::File { path: path.to_owned(), source })?;
    let bad = |reason: String| ConnectError::Xml { path: path.to_owned(), reason };
    let document = roxmltree::Document::parse(&text).map_err(|error| bad(error.to_string()))?;
    let root = document.root_element();
    if !root.has_tag_name("configuration") {
        return Err(bad(format!("it begins with <{}> in place of <configuration>", root.tag_name().name())));
    }
    for property in root.children().filter(|node| node.has_tag_name("property")) {
        let part = |name: &str| property.children().find(|node| node.has_tag_name(name))?.text();
        if let Some(name) = part("name") {
            settings.insert(name.trim().to_owned(), part("value").unwrap_or_default().trim().to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<HashMap<String, String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("core-site.xml");
        std::fs::write(&path, text).unwrap();
        let mut settings = HashMap::from([("a".to_owned(), "old".to_owned())]);
        read_into(&path, &mut settings).map_err(|error| error.to_string())?;
        Ok(settings)
    }

    #[test]
    fn properties_are_read_as_hadoop_writes_them() {
        let settings = read(
            "<?xml version=\"1.0\"?>\n<?xml-stylesheet type=\"text/xsl\" href=\"configuration.xsl\"?>\n<configuration>\n\
             <!-- ours --><property><name> a </name>\n<value>new\n</value></property>\
             <property><name>b</name><value/></property><property><value>nameless</value></property></configuration>",
        )
        .unwrap();
        assert_eq!(
            settings,
            HashMap::from([("a".to_owned(), "new".to_owned()), ("b".to_owned(), String::new())])
        );
    }

    #[test]
    fn other_files_are_refused_by_name() {
        for (text, reason) in
            [("<html/>", "<html>"), ("fs.defaultFS=x", "core-site.xml"), ("<configuration>", "core-site.xml")]
        {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains("is no Hadoop configuration") && refusal.contains(reason), "{refusal}");
        }
    }
}
