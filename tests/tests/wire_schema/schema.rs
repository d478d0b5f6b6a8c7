//! A set of `.proto` files as one flat, comparable list of what they define.

use std::{
    collections::BTreeMap,
    fmt::{self, Display, Formatter},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
};

/// What stands behind one fully qualified name.
#[derive(Debug, PartialEq, Eq)]
pub enum Item {
    Service,
    Method { input: String, output: String, client_streams: bool, server_streams: bool },
    Message,
    Field(Field),
    Enum,
    EnumValue(i32),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    pub number: i32,
    label: i32,
    kind: i32,
    pub type_name: Option<String>,
    default: Option<String>,
    oneof: Option<String>,
    packed: bool,
}

impl Display for Item {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Every definition by its full name.
#[derive(Default)]
pub struct Schema {
    pub items: BTreeMap<String, Definition>,
}

/// One item and the file that defines it.
pub struct Definition {
    pub file: String,
    pub item: Item,
}

impl Schema {
    /// Compiles every `.proto` file below `root`.
    pub fn compile(root: &Path) -> Result<Schema> {
        let mut files = Vec::new();
        find_protos(root, &mut files)?;
        let descriptors = protox::compile(files, [root])
            .with_context(|| format!("the .proto files in {}", root.display()))?;
        let mut schema = Schema::default();
        for file in &descriptors.file {
            schema.add_file(file);
        }
        Ok(schema)
    }

    fn add_file(&mut self, file: &FileDescriptorProto) {
        let package = file.package();
        let mut found = Found::default();
        for message in &file.message_type {
            found.add_message(package, message);
        }
        for definition in &file.enum_type {
            found.add_enum(package, definition);
        }
        for service in &file.service {
            found.add_service(package, service);
        }
        let named = |(name, item)| (name, Definition { file: file.name().to_owned(), item });
        self.items.extend(found.0.into_iter().map(named));
    }
}

/// The items of one file.
#[derive(Default)]
struct Found(Vec<(String, Item)>);

impl Found {
    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for field in &message.field {
            self.0.push((format!("{name}.{}", field.name()), Item::Field(describe(field, message))));
        }
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for nested in &message.enum_type {
            self.add_enum(&name, nested);
        }
        self.0.push((name, Item::Message));
    }

    fn add_enum(&mut self, scope: &str, definition: &EnumDescriptorProto) {
        let name = format!("{scope}.{}", definition.name());
        for value in &definition.value {
            self.0.push((format!("{name}.{}", value.name()), Item::EnumValue(value.number())));
        }
        self.0.push((name, Item::Enum));
    }

    fn add_service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        let name = format!("{scope}.{}", service.name());
        for method in &service.method {
            let item = Item::Method {
                input: method.input_type().to_owned(),
                output: method.output_type().to_owned(),
                client_streams: method.client_streaming(),
                server_streams: method.server_streaming(),
            };
            self.0.push((format!("{name}.{}", method.name()), item));
        }
        self.0.push((name, Item::Service));
    }
}

fn describe(field: &FieldDescriptorProto, of: &DescriptorProto) -> Field {
    let oneof = field.oneof_index.and_then(|index| of.oneof_decl.get(usize::try_from(index).ok()?));
    Field {
        number: field.number(),
        label: field.label() as i32,
        kind: field.r#type() as i32,
        type_name: field.type_name.clone(),
        default: field.default_value.clone(),
        oneof: oneof.map(|oneof| oneof.name().to_owned()),
        packed: field.options.as_ref().is_some_and(|options| options.packed()),
    }
}

/// Writes the `.proto` files of a jar below `into`, under their paths in the jar.
pub fn unpack_protos(jar: &Path, into: &Path) -> Result<()> {
    let file = File::open(jar).with_context(|| format!("the jar {}", jar.display()))?;
    let mut archive = zip::ZipArchive::new(file)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let Some(path) = entry.enclosed_name().filter(|path| path.extension().is_some_and(|e| e == "proto"))
        else {
            continue;
        };
        let target = into.join(path);
        fs::create_dir_all(target.parent().context("a target in a folder")?)?;
        io::copy(&mut entry, &mut File::create(target)?)?;
    }
    Ok(())
}

fn find_protos(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("the folder {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            find_protos(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
    }
    found.sort();
    Ok(())
}
