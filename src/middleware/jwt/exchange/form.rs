//! What an exchange sends: the fields of RFC 7523 and of RFC 8693.

use url::form_urlencoded::byte_serialize;

use super::super::options::{Exchange, Grant};
use crate::secret::Secret;

/// Fields that are written here and nowhere else.
pub(super) const OWN: [&str; 3] = ["grant_type", "assertion", "subject_token"];

/// The form, encoded. It holds the assertion, so it is a secret.
pub(super) fn form(exchange: &Exchange, assertion: &Secret) -> Secret {
    let mut form = String::with_capacity(assertion.expose().len() + 1024);
    let assertion = assertion.expose().trim_ascii();
    match exchange.grant {
        Grant::JwtBearer => {
            field(&mut form, "grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            field(&mut form, "assertion", assertion);
        }
        Grant::TokenExchange => {
            field(&mut form, "grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
            field(&mut form, "subject_token", assertion);
            field(&mut form, "subject_token_type", &exchange.subject_token_type);
            if let Some(wanted) = &exchange.requested_token_type {
                field(&mut form, "requested_token_type", wanted);
            }
        }
    }
    if let Some(scope) = &exchange.scope {
        field(&mut form, "scope", scope);
    }
    for audience in &exchange.audience {
        field(&mut form, "audience", audience);
    }
    for resource in &exchange.resource {
        field(&mut form, "resource", resource);
    }
    for (name, value) in &exchange.params {
        field(&mut form, name, value.expose());
    }
    Secret::new(form)
}

fn field(form: &mut String, name: &str, value: impl AsRef<[u8]>) {
    if !form.is_empty() {
        form.push('&');
    }
    form.extend(byte_serialize(name.as_bytes()));
    form.push('=');
    form.extend(byte_serialize(value.as_ref()));
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn sent(change: impl FnOnce(&mut Exchange)) -> String {
        let mut exchange = Exchange::new(Url::parse("https://issuer/token").unwrap(), Grant::JwtBearer);
        change(&mut exchange);
        String::from_utf8(form(&exchange, &Secret::new("a.b+c\n")).expose().to_vec()).unwrap()
    }

    #[test]
    fn a_bearer_grant_is_written_as_rfc_7523_says() {
        assert_eq!(
            sent(|_| {}),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b%2Bc"
        );
    }

    #[test]
    fn a_token_exchange_is_written_as_rfc_8693_says() {
        let sent = sent(|exchange| {
            exchange.grant = Grant::TokenExchange;
            exchange.requested_token_type = Some("urn:t:access".into());
            exchange.scope = Some("read write".into());
            exchange.audience = vec!["one".into(), "two".into()];
            exchange.resource = vec!["https://api/".into()];
        });
        let expected = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
            &subject_token=a.b%2Bc&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt\
            &requested_token_type=urn%3At%3Aaccess&scope=read+write&audience=one&audience=two\
            &resource=https%3A%2F%2Fapi%2F";
        assert_eq!(sent, expected);
    }

    #[test]
    fn free_fields_come_last_and_none_can_break_out_of_its_place() {
        let sent =
            sent(|exchange| exchange.params = vec![("client id".into(), Secret::new("a&assertion=b"))]);
        assert!(sent.ends_with("&assertion=a.b%2Bc&client+id=a%26assertion%3Db"), "{sent}");
    }
}
