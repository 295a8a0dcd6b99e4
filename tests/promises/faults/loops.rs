//! Redirects that never end do end, after ten of them, with the last one as the response.

use loadcore::http::{Http, HttpVersions, Tls};
use loadcore::prelude::*;
use testbed::http2::{Act, Http2Server};
use testbed::misbehaving::{Misbehaving, Script, Step};
use testbed::{Authority, Identity};

use super::front::Front;

fn redirects() -> Script {
    let back = "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n";
    vec![Step::ReadRequest, Step::Send(back.into()), Step::Again]
}

/// The same over HTTP/2: `location` is name 46 of HPACK's static table, `:status` name 8.
fn redirects_http2() -> impl Iterator<Item = Vec<Act>> {
    let fields = b"\x08\x03302\x0f\x1f\x06/again";
    (0..).map(move |nth: u32| {
        let head = [&[0, 0, fields.len() as u8, 1, 5][..], &(2 * nth + 1).to_be_bytes(), fields].concat();
        vec![Act::Raw(head.into())]
    })
}

async fn ends(url: String, http: Http) {
    let scenario = Scenario::new("loop", async |vu: &Vu| {
        for _ in 0..2 {
            let response = vu.get("/").send().await?;
            assert_eq!((response.status().as_u16(), response.redirects()), (302, 10));
        }
        Ok(())
    });
    let report = LoadTest::new().base_url(&url).http(http).scenario(scenario).run().await.unwrap();
    assert_eq!(report.errors(), [], "{url}");
    assert_eq!((report.count(HTTP_REQS), report.rate(HTTP_REQ_FAILED)), (22.0, 0.0), "{url}");
}

#[tokio::test]
async fn a_redirect_loop_ends_after_ten_hops_on_one_connection() {
    let authority = Authority::new();
    let identity: Identity = authority.server(&["localhost"]);
    let trusting = || Http::new().tls(Tls::new().root_certificates(authority.pem()));

    let plain = Misbehaving::start([redirects()]).await.unwrap();
    ends(plain.url(), Http::new()).await;
    let tls = Misbehaving::start_tls(&identity, [redirects()]).await.unwrap();
    ends(tls.url(), trusting()).await;
    for server in [plain, tls] {
        assert_eq!((server.connections(), server.requests()), (1, 22));
    }

    for with_tls in [false, true] {
        let server = Http2Server::new(redirects_http2().take(22)).start().await.unwrap();
        let front = Front::of(&server.url(), &identity).await;
        let url = if with_tls { front.url() } else { server.url() };
        ends(url, trusting().versions(HttpVersions::Http2)).await;
        assert_eq!((server.connections(), server.requests()), (1, 22));
    }
}
