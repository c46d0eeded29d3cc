//! Whose word a TLS connection goes by: this machine's certificate authorities, or those compiled in.
//!
//! Reading and parsing a machine's bundle of some 140 authorities is most of what a function does at its start, and
//! each AWS client does it again. The image of Lambda holds Mozilla's list and nothing that is the operator's own, so
//! there the same list is compiled in. Everywhere else, and wherever somebody named authorities of their own, those
//! of the machine decide: a home server may well have a private one.
//!
//! *Cost:* an authority that Mozilla drops is trusted until the next build, instead of Lambda's next image. Neither
//! asks for revocations: the verifier of Linux does not either.

use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use rustls::RootCertStore;

use crate::settings::environment;

/// The bundle of Lambda's image, as the template names it to those who read it.
const IMAGE_BUNDLE: &str = "/etc/pki/tls/certs/ca-bundle.crt";

/// The five roots of Amazon Trust Services, which it recommends to everybody with a list of their own.
///
/// AWS's own services have their certificates from there. A root counts by its name and key, so that a certificate
/// renewed for the same key changes nothing.
///
/// Sources: <https://www.amazontrust.com/repository/>,
/// <https://aws.amazon.com/blogs/security/how-to-prepare-for-aws-move-to-its-own-certificate-authority/>
const AMAZON_ROOTS: &str = include_str!("amazon_roots.pem");

/// Variables that lead the AWS clients through a proxy, which their own default connector understands.
pub(crate) const PROXIES: [&str; 6] = [
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
];

/// The compiled roots for calls to services and to users' servers; `None`: this machine's own.
pub(crate) fn compiled_roots() -> Option<RootCertStore> {
    is_compiled(&environment).then(|| webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect())
}

/// The HTTP client for AWS that trusts nobody but Amazon, shared by all AWS clients; `None`: the SDK's own.
pub(crate) fn amazon_http_client() -> Option<SharedHttpClient> {
    is_amazon_alone(&environment).then(|| {
        let roots = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
        let context = TlsContext::builder().with_trust_store(roots).build().ok()?;
        let builder = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        Some(builder.tls_context(context).build_https())
    })?
}

/// Says whether the process runs on Lambda, for whose bundle the compiled roots stand in.
fn is_compiled(environment: &impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| environment(name).is_some_and(|text| !text.trim().is_empty());
    let has_own_file =
        environment("SSL_CERT_FILE").is_some_and(|file| !file.is_empty() && file != IMAGE_BUNDLE);
    is_set("AWS_LAMBDA_FUNCTION_NAME") && !has_own_file && !is_set("SSL_CERT_DIR")
}

fn is_amazon_alone(environment: &impl Fn(&str) -> Option<String>) -> bool {
    let is_in_aws = environment("AWS_REGION").is_some_and(|region| is_in_aws_partition(&region));
    let has_proxy = PROXIES.iter().any(|name| environment(name).is_some());
    is_compiled(environment) && is_in_aws && !has_proxy
}

/// Says whether a region is one of the partition `aws`: those of China, of governments and the European sovereign
/// cloud are run apart, and may have certificates from elsewhere.
///
/// Source: `regionRegex` of <https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json>
fn is_in_aws_partition(region: &str) -> bool {
    let areas = ["us", "eu", "ap", "sa", "ca", "me", "af", "il", "mx"];
    let parts: Vec<&str> = region.split('-').collect();
    let [area, direction, number] = parts.as_slice() else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    areas.contains(area) && !direction.is_empty() && is_number
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest as _, Sha256};

    use super::*;

    const ON_LAMBDA: [(&str, &str); 3] = [
        ("AWS_LAMBDA_FUNCTION_NAME", "hub-api"),
        ("AWS_REGION", "eu-central-1"),
        ("SSL_CERT_FILE", IMAGE_BUNDLE),
    ];

    fn decided(changed: &[(&str, &str)]) -> (bool, bool) {
        let lookup = |name: &str| {
            let mut variables = changed.iter().chain(&ON_LAMBDA);
            let found = variables.find(|(other, _)| *other == name);
            found.map(|(_, text)| (*text).to_owned())
        };
        (is_compiled(&lookup), is_amazon_alone(&lookup))
    }

    #[test]
    fn lambda_goes_by_the_compiled_roots_and_aws_by_amazons_alone() {
        assert_eq!(decided(&[]), (true, true));
        assert_eq!(decided(&[("SSL_CERT_FILE", "")]), (true, true));
    }

    #[test]
    fn elsewhere_and_where_somebody_named_their_own_this_machines_decide() {
        for changed in [
            ("AWS_LAMBDA_FUNCTION_NAME", ""),
            ("SSL_CERT_FILE", "/opt/own.pem"),
            ("SSL_CERT_DIR", "/opt/certificates"),
        ] {
            assert_eq!(decided(&[changed]), (false, false), "{changed:?}");
        }
    }

    #[test]
    fn behind_a_proxy_and_in_other_partitions_aws_is_not_amazons_alone() {
        for changed in [
            ("HTTPS_PROXY", "http://proxy.example:3128"),
            ("AWS_REGION", "cn-north-1"),
            ("AWS_REGION", "eusc-de-east-1"),
            ("AWS_REGION", "us-gov-west-1"),
            ("AWS_REGION", "us-iso-east-1"),
            ("AWS_REGION", ""),
        ] {
            assert_eq!(decided(&[changed]), (true, false), "{changed:?}");
        }
    }

    /// Fingerprints: <https://www.amazontrust.com/repository/>
    #[test]
    fn amazons_roots_are_those_that_amazon_publishes() {
        let published = [
            "8ecde6884f3d87b1125ba31ac3fcb13d7016de7f57cc904fe1cb97c6ae98196e",
            "1ba5b2aa8c65401a82960118f80bec4f62304d83cec4713a19c39c011ea46db4",
            "18ce6cfe7bf14e60b2e347b8dfe868cb31d02ebb3ada271569f50343b46db3a4",
            "e35d28419ed02025cfa69038cd623962458da5c695fbdea3c22b0bfb25897092",
            "568d6905a2c88708a4b3025190edcfedb1974a606a13c6e5290fcb2ae63edab5",
        ];
        let texts = AMAZON_ROOTS.split("-----BEGIN CERTIFICATE-----").skip(1);
        let found = texts.map(|text| {
            let (body, _) = text.split_once("-----END CERTIFICATE-----").unwrap();
            let body: String = body.split_whitespace().collect();
            hex::encode(Sha256::digest(STANDARD.decode(body).unwrap()))
        });
        assert!(found.eq(published));
    }
}
