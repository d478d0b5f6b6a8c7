//! Permission bits of owner, group and others.

use std::fmt;

use alluxio_proto::grpc as wire;

/// Three bits: read, write, execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Bits(u8);

impl Bits {
    pub const NONE: Self = Self(0);
    pub const EXECUTE: Self = Self(1);
    pub const WRITE: Self = Self(2);
    pub const WRITE_EXECUTE: Self = Self(3);
    pub const READ: Self = Self(4);
    pub const ALL: Self = Self(7);

    /// Only the low three bits count.
    pub const fn new(bits: u8) -> Self {
        Self(bits & 7)
    }

    pub const fn get(self) -> u8 {
        self.0
    }

    /// Whether everything in `wanted` is granted.
    pub const fn implies(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The wire counts from NONE = 1.
    pub fn from_wire(bits: wire::Bits) -> Self {
        Self::new((bits as i32 - 1) as u8)
    }

    pub fn to_wire(self) -> wire::Bits {
        wire::Bits::try_from(i32::from(self.0) + 1).unwrap_or(wire::Bits::None)
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bit = |mask, letter| if self.0 & mask != 0 { letter } else { '-' };
        write!(f, "{}{}{}", bit(4, 'r'), bit(2, 'w'), bit(1, 'x'))
    }
}

/// Nine permission bits. Alluxio knows neither setuid, setgid nor sticky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Mode(u16);

impl Mode {
    pub const fn new(bits: u16) -> Self {
        Self(bits & 0o777)
    }

    pub const fn from_bits(owner: Bits, group: Bits, other: Bits) -> Self {
        Self((owner.0 as u16) << 6 | (group.0 as u16) << 3 | other.0 as u16)
    }

    pub const fn get(self) -> u16 {
        self.0
    }

    pub const fn owner(self) -> Bits {
        Bits::new((self.0 >> 6) as u8)
    }

    pub const fn group(self) -> Bits {
        Bits::new((self.0 >> 3) as u8)
    }

    pub const fn other(self) -> Bits {
        Bits::new(self.0 as u8)
    }

    /// The mode without the bits that `umask` takes away.
    pub const fn masked_by(self, umask: Self) -> Self {
        Self(self.0 & !umask.0)
    }

    /// Reads what `chmod` and `umask` take: one to four octal digits.
    pub fn parse_octal(text: &str) -> Option<Self> {
        if text.is_empty() || text.len() > 4 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        u16::from_str_radix(text, 8).ok().filter(|&bits| bits <= 0o777).map(Self)
    }

    pub fn from_wire(mode: &wire::PMode) -> Self {
        Self::from_bits(
            Bits::from_wire(mode.owner_bits()),
            Bits::from_wire(mode.group_bits()),
            Bits::from_wire(mode.other_bits()),
        )
    }

    pub fn to_wire(self) -> wire::PMode {
        wire::PMode {
            owner_bits: self.owner().to_wire() as i32,
            group_bits: self.group().to_wire() as i32,
            other_bits: self.other().to_wire() as i32,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.owner(), self.group(), self.other())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_survives_the_wire_and_prints() {
        for bits in 0..=0o777 {
            let mode = Mode::new(bits);
            assert_eq!(Mode::from_wire(&mode.to_wire()), mode);
            assert_eq!(Mode::parse_octal(&format!("{bits:o}")), Some(mode));
        }
        assert_eq!(Mode::new(0o754).to_string(), "rwxr-xr--");
        assert_eq!(Mode::new(0o777).masked_by(Mode::new(0o022)), Mode::new(0o755));
    }

    #[test]
    fn what_is_not_octal_is_refused() {
        for text in ["", "8", "u+x", "1777", "07777", "-1", "+7"] {
            assert_eq!(Mode::parse_octal(text), None, "{text}");
        }
    }
}
