// Makes calls on a client, one after the other, as JSON on stdin says, and prints what each of them gave, as JSON:
//
//   {"config": {"baseUrl": "…", "accessToken": "…"}, "calls": [["messages.sendText", {"to": "…"}], …]}
//   [{"value": {…}}, {"error": {"name": "GraphApiError", "code": 131047, …}}]
//
// {"$base64": "…", "type": "image/png"} stands for a file, in both.
import { Blob, Buffer } from "node:buffer";
import process from "node:process";
import { text } from "node:stream/consumers";

import { WhatsAppClient } from "@kapso/whatsapp-cloud-api";

const { config, calls } = JSON.parse(await text(process.stdin), (_, value) => (value?.$base64 ? file(value) : value));
const client = new WhatsAppClient(config);

const outcomes = [];
for (const [name, ...given] of calls) {
  try {
    outcomes.push({ value: await method(name)(...given) });
  } catch (error) {
    outcomes.push({ error: told(error) });
  }
}
console.log(JSON.stringify(outcomes, (_, value) => (value instanceof ArrayBuffer ? encoded(value) : value)));

function method(name) {
  const path = name.split(".");
  const last = path.pop();
  const owner = path.reduce((object, part) => object[part], client);
  return owner[last].bind(owner);
}

function file({ $base64, type }) {
  return new Blob([Buffer.from($base64, "base64")], { type });
}

function encoded(bytes) {
  return { $base64: Buffer.from(bytes).toString("base64") };
}

function told({ name, message, cause, code, httpStatus, category, retry, errorData }) {
  return { name, message, cause: cause?.code, code, httpStatus, category, retry, errorData };
}
