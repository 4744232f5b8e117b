// Signs a statement with a passkey. The challenge is the statement's SHA-256, so that the authenticator
// signs this decision and no other. The page shows the statement; the service makes it and checks the
// signature.

const form = document.getElementById("sign");
const trouble = document.getElementById("sign-trouble");

const bytes = (digits) => Uint8Array.from(digits.match(/../g), (pair) => parseInt(pair, 16));
const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

form.addEventListener("submit", async (event) => {
  if (form.elements.signature.value) return;
  event.preventDefault();
  trouble.hidden = true;
  try {
    const { response } = await navigator.credentials.get({
      publicKey: { challenge: bytes(form.dataset.challenge), userVerification: "required" },
    });
    const parts = [response.authenticatorData, response.clientDataJSON, response.signature];
    form.elements.signature.value = `passkey ${parts.map(base64).join(" ")}`;
    form.submit();
  } catch (error) {
    // The browser's own words: no passkey for this website, refused, or timed out.
    trouble.textContent = error.message;
    trouble.hidden = false;
  }
});
