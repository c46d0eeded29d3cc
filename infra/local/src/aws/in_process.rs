//! The way from the SDK's clients to the services inside this process: without a socket, a signature or a retry.
//!
//! The clients are AWS's own, with the same requests and the same reading of the answers; what is left out is what
//! stands for a network.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use super::dynamodb::{self, Durable};
use super::loopback::{QUERY_ERROR, Reply};
use super::sqs;

/// The service that a connector leads to.
#[derive(Clone)]
pub(super) enum InProcess {
    /// The tables, and which writes are on the disk when they are answered.
    DynamoDb(Arc<dynamodb::Server>, Durable),
    /// The queues, and which messages are on the disk when they are answered.
    Sqs(Arc<sqs::Server>, sqs::Sent),
}

impl InProcess {
    /// As an SDK's client takes it.
    pub(super) fn client(self) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(self);
        SharedHttpClient::new(Always(connector))
    }

    async fn answer(&self, target: &str, body: &[u8]) -> Reply {
        match self {
            Self::DynamoDb(server, durable) => server.answer(target, body, *durable).await,
            Self::Sqs(server, sent) => server.answer(target, body, *sent).await,
        }
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            // A body that is streamed would have no bytes here; neither service has an operation with one.
            let body = request.body().bytes().unwrap_or_default();
            response(service.answer(target, body).await)
        })
    }
}

fn response(reply: Reply) -> Result<HttpResponse, ConnectorError> {
    let unusable = |error| ConnectorError::other(error, None);
    let body = SdkBody::from(reply.body);
    let mut response = HttpResponse::new(reply.status.into(), body);
    if let Some(code) = reply.query_error {
        let inserted = response.headers_mut().try_insert(QUERY_ERROR, code);
        inserted.map_err(|error| unusable(error.into()))?;
    }
    Ok(response)
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DynamoDb(..) => "InProcess(DynamoDB)",
            Self::Sqs(..) => "InProcess(SQS)",
        })
    }
}

/// One connector, whatever the settings: there is nothing to connect to.
#[derive(Debug)]
struct Always(SharedHttpConnector);

impl HttpClient for Always {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.0.clone()
    }
}
