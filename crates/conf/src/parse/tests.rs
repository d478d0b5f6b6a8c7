use proptest::prelude::*;

use super::*;

/// What `alluxio.util.FormatUtils.parseTimeSize` of Alluxio 2.9.4 answered, run on these texts.
#[test]
fn durations_are_read_as_java_reads_them() {
    let taken: [(&str, i64); 22] = [
        ("5ms", 5),
        ("5", 5),
        ("-1", -1),
        ("2sec", 2_000),
        ("2s", 2_000),
        ("2second", 2_000),
        ("1min", 60_000),
        ("1m", 60_000),
        ("1minute", 60_000),
        ("1h", 3_600_000),
        ("1hr", 3_600_000),
        ("1hour", 3_600_000),
        ("1d", 86_400_000),
        ("1day", 86_400_000),
        ("5MS", 5),
        ("5Min", 300_000),
        ("-5s", -5_000),
        ("-1ms", -1),
        ("9223372036854775807", i64::MAX),
        ("0", 0),
        ("0s", 0),
        ("007s", 7_000),
    ];
    for (text, ms) in taken {
        assert_eq!(span(text).map(Span::ms), Ok(ms), "{text}");
    }
    for text in [
        "1hh", "2seconds", "1minutes", "1hours", "1days", "1.5s", "5 ms", " 5ms", "", "ms", "1w", "1us",
        "1e3", "+5s", "0x10", "-", "1 day", "--1", "1-2s", "5µs", "१s",
    ] {
        assert!(span(text).is_err_and(|e| e.contains("hour")), "{text}");
    }
}

#[test]
fn a_duration_that_java_would_bend_is_refused() {
    for text in ["9999999999999d", "10000000000000000000"] {
        assert!(span(text).is_err_and(|e| e.contains("too long")), "{text}");
    }
}

#[test]
fn never_has_no_duration() {
    assert_eq!(Span::from_ms(-1).duration(), None);
    assert_eq!(Span::from_ms(0).duration(), Some(std::time::Duration::ZERO));
    assert_eq!(Span::from_ms(1_500).duration(), Some(std::time::Duration::from_millis(1_500)));
}

/// What `alluxio.util.FormatUtils.parseSpaceSize` of Alluxio 2.9.4 answered, run on these texts.
#[test]
fn sizes_are_read_as_java_reads_them() {
    let taken: [(&str, u64); 26] = [
        ("64MB", 67_108_864),
        ("1g", 1_073_741_824),
        ("1G", 1_073_741_824),
        ("1gb", 1_073_741_824),
        ("1.5GB", 1_610_612_736),
        ("0", 0),
        ("0B", 0),
        ("100", 100),
        ("1k", 1_024),
        ("1kb", 1_024),
        ("1m", 1_048_576),
        ("1t", 1_099_511_627_776),
        ("1tb", 1_099_511_627_776),
        ("1p", 1_125_899_906_842_624),
        ("1pb", 1_125_899_906_842_624),
        ("1GiB", 1_073_741_824),
        ("1b", 1),
        ("0.5", 0),
        ("0.5b", 0),
        ("1.999KB", 2_046),
        ("1024MB", 1_073_741_824),
        ("9223372036854775807", 9_223_372_036_854_775_807),
        ("16pb", 18_014_398_509_481_984),
        ("+1GB", 1_073_741_824),
        ("0.1KB", 102),
        ("3.3333KB", 3_413),
    ];
    for (text, bytes) in taken {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in [
        "1e", "1eb", "1 GB", "", "GB", "1bytes", "1byte", "8EB", "1.5.1GB", "1_000", ".", "0x10", "1,5GB",
        "٣",
    ] {
        assert!(size(text).is_err_and(|e| e.contains("such as 64MB")), "{text}");
    }
}

#[test]
fn a_size_that_java_would_bend_is_refused() {
    assert_eq!(size("-1"), Err("must not be negative".to_owned()));
    assert_eq!(size("-1MB"), Err("must not be negative".to_owned()));
    for text in ["9223372036854775808", "20000000tb", "8192pb"] {
        assert!(size(text).is_err_and(|e| e.contains("too large")), "{text}");
    }
}

#[test]
fn booleans_numbers_and_lists() {
    assert_eq!((boolean("true"), boolean("FALSE")), (Ok(true), Ok(false)));
    assert!(boolean("yes").is_err() && boolean("").is_err() && boolean("1").is_err());
    assert_eq!((int("-3"), int("+5")), (Ok(-3), Ok(5)));
    assert!(int("0x10").is_err() && int("1_000").is_err() && int("1.0").is_err());
    assert_eq!((double("0.5f"), double("1e-1"), double("95")), (Ok(0.5), Ok(0.1), Ok(95.0)));
    assert!(double("95%").is_err() && double("NaN").is_err() && double("infinity").is_err());
    assert_eq!(list("a, b,,c ,"), ["a", "b", "c"]);
    assert!(list("").is_empty());
}

proptest! {
    #[test]
    fn a_duration_is_its_number_times_its_unit(number in 0i64..1_000_000, unit in 0usize..5) {
        let (name, factor) = [("ms", 1), ("sec", 1_000), ("min", 60_000), ("hour", 3_600_000), ("day", 86_400_000)][unit];
        prop_assert_eq!(span(&format!("{number}{name}")).map(Span::ms), Ok(number * factor));
        prop_assert_eq!(span(&format!("-{number}{name}")).map(Span::ms), Ok(-number * factor));
    }

    #[test]
    fn a_size_is_its_number_times_its_unit(quarters in 0u64..4_000_000, unit in 1usize..5) {
        let (name, factor) = [("B", 1), ("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("TB", 1u64 << 40)][unit];
        let text = format!("{}.{:02}{name}", quarters / 4, quarters % 4 * 25);
        prop_assert_eq!(size(&text), Ok(quarters * (factor / 4)), "{}", text);
    }

    #[test]
    fn nothing_makes_them_panic(text in "\\PC{0,12}|[0-9.+-]{0,30}[a-zA-Z]{0,3}") {
        let _ = (span(&text), size(&text), double(&text), int(&text), boolean(&text), list(&text));
    }
}
