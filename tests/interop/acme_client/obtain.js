// Gets or revokes a certificate with npm's acme-client.
// obtain.js get DIRECTORY ACCOUNT_KEY CSR CHALLENGE_FOLDER ATTEMPTS [KEY_ID HMAC_FILE]: prints the chain.
// obtain.js revoke DIRECTORY ACCOUNT_KEY CERTIFICATE
const fs = require('fs');
const path = require('path');
const acme = require('acme-client');

const [verb, directoryUrl, accountKey, ...rest] = process.argv.slice(2);

function connect(more) {
    return new acme.Client({ directoryUrl, accountKey: fs.readFileSync(accountKey), ...more });
}

async function get(csr, folder, attempts, kid, hmacFile) {
    const externalAccountBinding = kid && { kid, hmacKey: fs.readFileSync(hmacFile, 'ascii').trim() };
    const client = connect({ backoffAttempts: Number(attempts), backoffMin: 250, backoffMax: 1000, externalAccountBinding });
    const file = (challenge) => path.join(folder, challenge.token);
    process.stdout.write(await client.auto({
        csr: fs.readFileSync(csr),
        email: 'hostmaster@acme.example',
        termsOfServiceAgreed: true,
        challengePriority: ['http-01'],
        skipChallengeVerification: true,
        challengeCreateFn: async (_, challenge, text) => fs.writeFileSync(file(challenge), text),
        challengeRemoveFn: async (_, challenge) => fs.unlinkSync(file(challenge)),
    }));
}

async function revoke(certificate) {
    const client = connect({});
    await client.createAccount({ onlyReturnExisting: true });
    await client.revokeCertificate(fs.readFileSync(certificate), { reason: 4 });
}

(verb === 'revoke' ? revoke : get)(...rest).catch((error) => {
    console.error(error.message);
    process.exit(1);
});
