//! What all questions over https have in common: the authorities of the system, and never a step down to http.

use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::DefaultConnector;

/// Asks over https at addresses of `resolver`; `own` adds what is special.
pub(super) fn agent(
    own: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    resolver: impl Resolver,
) -> Agent {
    let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
    let common = Agent::config_builder()
        .tls_config(tls)
        .https_only(true)
        .http_status_as_error(false)
        .user_agent(concat!("espomail/", env!("CARGO_PKG_VERSION")));
    Agent::with_parts(own(common).build(), DefaultConnector::new(), resolver)
}
