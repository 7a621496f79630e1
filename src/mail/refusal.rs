//! Whom a refusal of a server concerns: the account that sends, the recipient, or the message. Pure.
//!
//! A code such as 550 is given for everything, so that the words decide, and the status code (RFC 3463) where it says
//! more than "no".

use super::{bounce, phrases};

/// Whom a refusal for good concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The sender: nothing goes out by this account, or not in this name, until somebody mends it.
    Account,
    /// There is no such address, or it takes nothing.
    Recipient,
    /// What is sent: its size, form or content.
    Message,
    /// The server does not say.
    Unsaid,
}

/// Reads a refusal by its three-digit code, its status code (may be empty) and its words.
pub fn read(code: u16, status: &str, said: &str) -> Refusal {
    let said = phrases::plain(said);
    match (code, status) {
        (530 | 534 | 535 | 538, _) => Refusal::Account,
        (_, "5.1.7" | "5.1.8" | "5.7.8" | "5.7.9" | "5.7.57" | "5.7.60" | "5.2.252" | "5.7.64") => Refusal::Account,
        _ if phrases::REFUSED_ACCOUNT.are_in(&said) => Refusal::Account,
        (_, "5.2.1" | "5.2.2") => Refusal::Recipient,
        (_, "5.2.3" | "5.3.4") => Refusal::Message,
        _ if status.starts_with("5.6.") => Refusal::Message,
        _ if bounce::is_no_such_address(status, &said) => Refusal::Recipient,
        _ if ["mailbox full", "mailbox is full", "over quota", "quota exceeded"]
            .iter()
            .any(|full| said.contains(full)) =>
        {
            Refusal::Recipient
        }
        _ if phrases::REFUSED_MESSAGE.are_in(&said) => Refusal::Message,
        _ => Refusal::Unsaid,
    }
}

/// Whether the server takes more, only not over this connection.
pub fn wants_a_new_connection(code: u16, said: &str) -> bool {
    let said = phrases::plain(said);
    let per =
        ["this connection", "this session", "per connection", "per session", "one connection", "single connection"];
    code == 421 || ((400..500).contains(&code) && per.iter().any(|per| said.contains(per)))
}

#[cfg(test)]
mod tests {
    use super::Refusal::{Account, Message, Recipient, Unsaid};
    use super::*;

    #[test]
    fn refusals_are_told_apart() {
        for (code, status, said, whom) in [
            (554, "5.2.252", "SendAsDenied; not allowed to send as <>", Account),
            (554, "", "STOREDRV.Submission.Exception:SendAsDeniedException; Failed to process message", Account),
            (550, "5.7.60", "SMTP; Client does not have permissions to send as this sender", Account),
            (530, "5.7.57", "SMTP; Client was not authenticated to send anonymous mail during MAIL FROM", Account),
            (553, "5.7.1", "<support@desk.example>: Sender address rejected: not owned by user kim", Account),
            (550, "5.1.0", "<support@desk.example>: Sender address rejected: User unknown in virtual table", Account),
            (550, "5.1.8", "<x@desk.example>: Sender address rejected: Domain not found", Account),
            (553, "5.1.7", "address not accepted", Account),
            (550, "", "From address not verified - see the manual", Account),
            (554, "", "Message rejected: Email address is not verified.", Account),
            (550, "", "The from address does not match a verified Sender Identity", Account),
            (501, "", "Invalid MAIL FROM address provided", Account),
            (550, "5.7.1", "null sender is not accepted here", Account),
            (550, "", "Empty envelope sender refused", Account),
            (503, "", "Blank MAIL FROM is only for bounces", Account),
            (530, "", "Must issue a STARTTLS command first", Account),
            (530, "5.7.0", "Authentication Required", Account),
            (550, "5.7.1", "Client host rejected: cannot find your hostname", Account),
            (554, "5.7.1", "<kim@customer.example>: Relay access denied", Account),
            (550, "5.7.1", "Unable to relay for kim@customer.example", Account),
            (550, "5.4.5", "Daily user sending limit exceeded", Account),
            (550, "", "Your daily quota of messages is used up: daily quota", Account),
            (535, "", "no", Account),
            (550, "", "Your account has been suspended, call us", Account),
            (554, "5.7.1", "Outgoing mail from \"desk.example\" has been suspended", Account),
            (550, "5.1.1", "<kim@customer.example>: Recipient address rejected: User unknown", Recipient),
            (550, "", "No such user here", Recipient),
            (550, "5.1.1", "The email account that you tried to reach does not exist", Recipient),
            (550, "5.1.10", "RESOLVER.ADR.RecipientNotFound; not found", Recipient),
            (550, "5.4.1", "Recipient address rejected: Access denied", Recipient),
            (550, "", "unrouteable address", Recipient),
            (552, "5.2.2", "Mailbox size limit exceeded", Recipient),
            (552, "", "Requested mail action aborted: mailbox full", Recipient),
            (550, "5.2.1", "The account is not active", Recipient),
            (554, "5.4.4", "Host not found, type=MX: no mail exchanger", Recipient),
            (552, "5.3.4", "Message size exceeds fixed limit", Message),
            (552, "", "message too large", Message),
            (554, "5.7.1", "This message looks like spam and was rejected", Message),
            (550, "", "virus found in the attachment", Message),
            (550, "5.7.1", "Message content rejected, UBE, id=7", Message),
            (550, "5.6.0", "invalid something", Message),
            (
                550,
                "5.7.26",
                "Unauthenticated email from desk.example is not accepted due to the domain's DMARC policy",
                Account,
            ),
            (554, "5.4.6", "Too many hops", Message),
            (500, "", "Line too long (see RFC5321 4.5.3.1.6)", Message),
            (554, "5.7.1", "rejected by local policy", Unsaid),
            (550, "", "no", Unsaid),
            (554, "5.0.0", "Transaction failed", Unsaid),
            (550, "5.7.1", "Access denied", Unsaid),
        ] {
            assert_eq!(read(code, status, said), whom, "{code} {status} {said}");
        }
    }

    #[test]
    fn some_servers_take_few_messages_over_one_connection() {
        for (code, said, wants) in [
            (421, "closing", true),
            (452, "4.3.2 Too many messages in this connection", true),
            (450, "too many mails per session", true),
            (451, "try again later", false),
            (550, "too many messages in this session", false),
        ] {
            assert_eq!(wants_a_new_connection(code, said), wants, "{code} {said}");
        }
    }
}
