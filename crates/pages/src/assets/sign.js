// Signs a statement with passkeys. The challenge is the statement's SHA-256, so that the authenticator
// signs this decision and no other. The page shows the statement; the service makes it and checks the
// signatures.

const form = document.getElementById("sign");
const trouble = document.getElementById("sign-trouble");
const count = document.getElementById("sign-count");

const bytes = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

/** Asks the authenticator for a signature, as a line of the form. */
async function signature() {
  const { response } = await navigator.credentials.get({
    publicKey: { challenge: bytes(form.dataset.challenge), userVerification: "required" },
  });
  const parts = [response.authenticatorData, response.clientDataJSON, response.signature];
  return `passkey ${parts.map(base64).join(" ")}\n`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  trouble.hidden = true;
  try {
    form.elements.signature.value += await signature();
  } catch (error) {
    // The browser's own words: no passkey for this website, refused, or timed out.
    trouble.textContent = error.message;
    trouble.hidden = false;
    return;
  }
  if (event.submitter?.value === "more") {
    // A root of several keys, or the proof that a new key is in the hands of its person.
    count.textContent = form.elements.signature.value.trim().split("\n").length;
    count.parentElement.hidden = false;
  } else {
    form.submit();
  }
});
