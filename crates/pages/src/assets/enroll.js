// Makes a passkey for this website, and puts its public key into the form as the service reads keys:
// `p256:` with the compressed point, `@` and the SHA-256 of the website's name.

const digits = (bytes) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/** Returns the public key of a new passkey. */
async function passkey(name) {
  const { response } = await navigator.credentials.create({
    publicKey: {
      rp: { name: "Bailiwick" },
      user: { id: crypto.getRandomValues(new Uint8Array(16)), name, displayName: name },
      // Nothing is proved by the making: the passkey signs the statement that enrols it.
      challenge: crypto.getRandomValues(new Uint8Array(32)),
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { userVerification: "required", residentKey: "required" },
    },
  });
  // SubjectPublicKeyInfo of P-256 ends with the two coordinates.
  const point = new Uint8Array(response.getPublicKey()).slice(-64);
  const sign = point[63] % 2 ? "03" : "02";
  const website = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(location.hostname));
  return `p256:${sign}${digits(point.slice(0, 32))}@${digits(new Uint8Array(website))}`;
}

for (const field of document.querySelectorAll("input[data-passkey]")) {
  const form = field.form;
  const trouble = form.querySelector("[role=alert]");
  form.addEventListener("submit", async (event) => {
    if (field.value) return;
    event.preventDefault();
    trouble.hidden = true;
    try {
      field.value = await passkey(field.dataset.passkey);
      form.submit();
    } catch (error) {
      trouble.textContent = error.message;
      trouble.hidden = false;
    }
  });
}
