#!/usr/bin/env python3
"""What a mail program makes of a mailbox, by Python's own imaplib and email: one JSON object a message.

usage: reader.py PORT USER      (127.0.0.1, password "pw")

`thread` is the number of the conversation as mail programs group it: messages that are joined by In-Reply-To and
References, over messages that are not there too.
"""

import email, email.policy, hashlib, imaplib, json, sys


def threads(messages):
    group = {}
    def find(name):
        while group.setdefault(name, name) != name:
            name = group[name]
        return name
    for message in messages:
        names = (message["references"] or "").split() + (message["in-reply-to"] or "").split()
        for name in names:
            group[find(name)] = find(message["message-id"])
        find(message["message-id"])
    roots = []
    for message in messages:
        root = find(message["message-id"])
        if root not in roots:
            roots.append(root)
        yield roots.index(root)


def body(message, kind):
    part = message.get_body(preferencelist=(kind,))
    return part.get_content().replace("\r\n", "\n").rstrip("\n") if part else None


def addresses(message, field):
    return [a.addr_spec for a in message[field].addresses] if message[field] else []


def shown(message, thread, raw):
    files = []
    for part in message.iter_attachments():
        content = part.get_content()
        if isinstance(content, email.message.EmailMessage):
            content = content.as_bytes(policy=email.policy.SMTP)
        elif isinstance(content, str):
            content = part.get_payload(decode=True)
        files.append({"name": part.get_filename(), "type": part.get_content_type(),
                      "sha256": hashlib.sha256(content).hexdigest()})
    return {
        "subject": message["subject"], "message_id": message["message-id"], "in_reply_to": message["in-reply-to"],
        "references": (message["references"] or "").split(),
        "from": addresses(message, "from"), "from_name": message["from"].addresses[0].display_name,
        "to": addresses(message, "to"), "cc": addresses(message, "cc"), "bcc": addresses(message, "bcc"),
        "reply_to": addresses(message, "reply-to"), "thread": thread, "text": body(message, "plain"),
        "html": body(message, "html"), "files": files,
        "defects": [str(d) for part in message.walk() for d in part.defects],
        "longest": max(len(line) for line in raw.split(b"\r\n")),
    }


server = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
server.login(sys.argv[2], "pw")
server.select("INBOX", readonly=True)
_, (numbers,) = server.search(None, "ALL")
raws = [server.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in numbers.split()]
server.logout()
messages = [email.message_from_bytes(raw, policy=email.policy.default) for raw in raws]
for message, thread, raw in zip(messages, threads(messages), raws):
    print(json.dumps(shown(message, thread, raw)))
