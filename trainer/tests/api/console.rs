//! The console's files, the second listener, and the listeners that are open to the network.

use crate::client::Client;
use crate::service::{Place, Service};

/// Where the service says that the console is.
fn console(service: &Service) -> String {
    let said = service.said.iter().find_map(|line| line.strip_prefix("console on "));
    said.expect("it says where the console is").to_owned()
}

#[test]
fn the_address_for_browsers_serves_the_same() {
    let place = Place::new();
    let service = place.serve("--console 127.0.0.1:0");
    let browser = Client::new(&console(&service));
    browser.get("/api/health").expect(200);
    browser.get("/api/devices").problem(401, "not_signed_in");
    let signed_in = browser.signed_in("admin", &service.first_password());
    assert!(signed_in.list("/api/devices").is_empty());
    // One session for both: cookies know hosts, not ports.
    assert_eq!(signed_in.at(&service.base).get("/api/session").expect(200).json()["name"], "admin");
}

#[test]
fn pages_need_no_session_and_a_missing_console_says_how_to_build_it() {
    let place = Place::new();
    let service = place.serve("");
    let anybody = service.anybody();
    for path in ["/", "/devices", "/training/runs/1"] {
        let answer = anybody.get(path);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        if answer.status == 200 {
            let built_in = cfg!(feature = "console");
            assert!(built_in, "{path}");
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(answer.header("cache-control"), "no-cache");
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("script-src 'self';") && !policy.contains("unsafe"),
                "{policy}"
            );
        } else {
            let problem = answer.problem(404, "no_route");
            assert!(problem["detail"].as_str().unwrap().contains("make console"), "{problem}");
        }
    }
    anybody.get("/api/nothing").problem(404, "no_route");
    anybody.get("/assets/old.js").problem(404, "no_route");
    anybody.ask("PUT", "/devices").problem(405, "no_method");
}

#[test]
fn the_network_gets_in_only_where_it_was_asked_for() {
    let place = Place::new();
    let lan = "--lan --console 127.0.0.1:0 --broker embedded:0";
    let service = place.serve(lan);
    let others: Vec<&String> =
        service.said.iter().filter(|line| line.starts_with("from other machines: ")).collect();
    if others.is_empty() {
        assert!(service.said.iter().any(|line| line.contains("no address")), "{:?}", service.said);
        return;
    }
    for what in ["console on http://", "API on http://", "broker on mqtt://"] {
        let found = others.iter().find_map(|line| line.split_once(what));
        let (_, address) = found.unwrap_or_else(|| panic!("{what} is missing in {others:?}"));
        assert!(!address.starts_with("127.") && !address.starts_with("0.0.0.0"), "{address}");
        std::net::TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    }
    let api = others.iter().find_map(|line| line.split_once("API on ")).unwrap().1;
    Client::new(api).get("/api/health").expect(200);
    let enrol = format!("CIRAME_TOKEN=TOKEN cirame-edge serve --trainer {api}");
    assert!(service.said.iter().any(|line| line.contains(&enrol)), "{:?}", service.said);
    let host = api.strip_prefix("http://").unwrap().rsplit_once(':').unwrap().0.to_owned();
    drop(service);

    let service = place.serve("");
    let port = service.base.rsplit_once(':').unwrap().1;
    assert!(std::net::TcpStream::connect(format!("{host}:{port}")).is_err());
    assert!(!service.said.iter().any(|line| line.contains("other machines")));
}
