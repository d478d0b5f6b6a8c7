//! `fsadmin report proxy`: the proxies that report to the master.

use alluxio_client::MetaMasterClient;
use alluxio_proto::grpc::meta::ProxyStatus;

use crate::{error::CommandError, output::date::DateFormat, shell::Call};

const DATE_PATTERN: &str = "yyyyMMdd-HHmmss";
/// The address column, unless an address is longer.
const ADDRESS_WIDTH: usize = 24;

pub async fn report(call: Call<'_>) -> Result<(), CommandError> {
    let proxies = MetaMasterClient::new(call.shell.fs().await?.cluster()).list_proxy_status().await?;
    let dates = DateFormat::local(DATE_PATTERN).map_err(|error| CommandError::failed(error.to_string()))?;
    lines(&proxies, &dates).iter().try_for_each(|line| call.shell.out.line(line))?;
    Ok(())
}

fn lines(proxies: &[ProxyStatus], dates: &DateFormat) -> Vec<String> {
    let address = |proxy: &ProxyStatus| {
        let address = proxy.address.clone().unwrap_or_default();
        format!("{}:{}", address.host(), address.rpc_port())
    };
    let in_state = |state| proxies.iter().filter(|proxy| proxy.state() == state).count();
    let (live, lost) = (in_state("ACTIVE"), in_state("LOST"));
    let width = proxies.iter().map(|proxy| address(proxy).len()).max().unwrap_or(0).max(ADDRESS_WIDTH);
    let row = |cells: [&str; 6]| {
        let [address, state, started, heartbeat, version, revision] = cells;
        format!("{address:width$} {state:<8} {started:<16} {heartbeat:<20} {version:<32} {revision:<8}")
    };
    let mut lines = vec![
        format!("{} Proxy instances in the cluster, {live} serving and {lost} lost", live + lost),
        String::new(),
        row(["Address", "State", "Start Time", "Last Heartbeat Time", "Version", "Revision"]),
    ];
    lines.extend(proxies.iter().map(|proxy| {
        let build = proxy.version.clone().unwrap_or_default();
        row([
            &address(proxy),
            proxy.state(),
            &dates.format(proxy.start_time()),
            &dates.format(proxy.last_heartbeat_time()),
            build.version(),
            build.revision(),
        ])
    }));
    lines
}

#[cfg(test)]
mod tests {
    use alluxio_proto::grpc::{BuildVersion, NetAddress};
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn proxies_are_counted_and_listed() {
        let proxy = ProxyStatus {
            address: Some(NetAddress { host: Some("p1".to_owned()), rpc_port: Some(39999) }),
            state: Some("ACTIVE".to_owned()),
            start_time: Some(0),
            last_heartbeat_time: Some(61_000),
            version: Some(BuildVersion {
                version: Some("2.9.4".to_owned()),
                revision: Some("abc".to_owned()),
            }),
        };
        let dates = DateFormat::new(DATE_PATTERN, TimeZone::UTC).unwrap();
        assert_eq!(
            lines(&[proxy], &dates),
            [
                "1 Proxy instances in the cluster, 1 serving and 0 lost",
                "",
                "Address                  State    Start Time       Last Heartbeat Time  Version                          Revision",
                "p1:39999                 ACTIVE   19700101-000000  19700101-000101      2.9.4                            abc     ",
            ]
        );
    }
}
