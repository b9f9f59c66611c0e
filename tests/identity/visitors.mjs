// A certified OpenID provider at which people sign in with their name and any password, as standard
// input says in one line of JSON: modules, issuer, port, jwks, algorithm, client and people.
import { createInterface } from 'node:readline';

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit());
const told = JSON.parse(await new Promise((resolve) => { input.once('line', resolve); }));
const { default: Provider } = await import(`${told.modules}/oidc-provider/lib/index.js`);

const provider = new Provider(told.issuer, {
  clients: [{
    client_id: told.client.id,
    ...(told.client.secret && { client_secret: told.client.secret }),
    grant_types: ['authorization_code'],
    response_types: ['code'],
    redirect_uris: told.client.redirect_uris,
    post_logout_redirect_uris: told.client.farewell_uris,
    token_endpoint_auth_method: told.client.secret ? 'client_secret_basic' : 'none',
    id_token_signed_response_alg: told.algorithm,
  }],
  claims: {
    openid: ['sub'],
    profile: ['name'],
    email: ['email', 'email_verified'],
    groups: ['groups'],
  },
  scopes: ['openid', 'profile', 'email', 'groups'],
  jwks: told.jwks,
  cookies: { keys: ['not a secret'] },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, ...told.people[id] }),
  }),
});
provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
