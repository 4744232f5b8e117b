// A person with a passkey, for tests of signatures: Chromium with its virtual authenticator (CTAP2,
// with user verification).
//
// BAILIWICK_URL is a page of the service on `localhost`, which is the website of the passkey. Reads one
// command in JSON a line, and answers each in a line:
//   {"create": true}          makes a passkey:          {"publicKey": base64 of the SubjectPublicKeyInfo}
//   {"sign": base64}          signs this challenge:     {"authenticatorData", "clientData", "signature"}

import { createInterface } from "node:readline";

import { launch } from "./browser.js";

const browser = await launch();
const page = await (await browser.newContext()).newPage();
const devtools = await page.context().newCDPSession(page);
await devtools.send("WebAuthn.enable");
await devtools.send("WebAuthn.addVirtualAuthenticator", {
  options: {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  },
});
await page.goto(process.env.BAILIWICK_URL);

let passkey;

/** Makes a passkey for a person of this website. */
const create = () =>
  page.evaluate(async () => {
    const made = await navigator.credentials.create({
      publicKey: {
        rp: { name: "Bailiwick" },
        user: { id: new Uint8Array([1]), name: "officer", displayName: "officer" },
        challenge: new Uint8Array(32),
        pubKeyCredParams: [{ type: "public-key", alg: -7 }],
        authenticatorSelection: { userVerification: "required" },
      },
    });
    const base64 = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes)));
    return { id: base64(made.rawId), publicKey: base64(made.response.getPublicKey()) };
  });

/** Signs a challenge with the passkey. */
const sign = (challenge) =>
  page.evaluate(
    async ({ id, challenge }) => {
      const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
      const { response } = await navigator.credentials.get({
        publicKey: {
          challenge: bytes(challenge),
          allowCredentials: [{ type: "public-key", id: bytes(id) }],
          userVerification: "required",
        },
      });
      const base64 = (some) => btoa(String.fromCharCode(...new Uint8Array(some)));
      return {
        authenticatorData: base64(response.authenticatorData),
        clientData: base64(response.clientDataJSON),
        signature: base64(response.signature),
      };
    },
    { id: passkey, challenge },
  );

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  let answer;
  if (command.create) {
    answer = await create();
    passkey = answer.id;
  } else {
    answer = await sign(command.sign);
  }
  console.log(JSON.stringify(answer));
}
await browser.close();
