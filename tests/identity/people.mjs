// A certified OpenID provider that people sign in to, as standard input says in one line of JSON;
// each further line says who is gone. Its own pages for development take any name and password.
import { createInterface } from 'node:readline';

const input = createInterface({ input: process.stdin });
input.once('close', () => process.exit());
const told = JSON.parse(await new Promise((resolve) => { input.once('line', resolve); }));
let gone = [];
input.on('line', (line) => { gone = JSON.parse(line); console.log('heard'); });
const { default: Provider } = await import(`${told.modules}/oidc-provider/lib/index.js`);

const provider = new Provider(told.issuer, {
  clients: [{
    client_id: told.client,
    client_secret: told.secret,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [told.redirect],
    response_types: ['code'],
    token_endpoint_auth_method: told.method,
    id_token_signed_response_alg: told.algorithm,
  }, {
    client_id: told.device,
    grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'none',
    id_token_signed_response_alg: told.algorithm,
  }],
  scopes: ['openid', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name', 'groups'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  findAccount: (_context, id) => (gone.includes(id) ? undefined : {
    accountId: id,
    claims: () => ({
      sub: id,
      name: `${id} of the tests`,
      email: `${id}@example.com`,
      email_verified: true,
      groups: told.groups[id] ?? [],
    }),
  }),
  jwks: told.jwks,
  cookies: { keys: ['not a secret'] },
  pkce: { required: () => true },
  features: {
    devInteractions: { enabled: true },
    revocation: { enabled: told.revocation },
    introspection: { enabled: true },
    deviceFlow: { enabled: true },
    resourceIndicators: {
      enabled: true,
      getResourceServerInfo: (_context, resource) => ({
        audience: resource,
        scope: 'images:read images:write',
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: told.algorithm } },
      }),
    },
  },
});
provider.on('grant.revoked', () => console.log('revoked'));
provider.listen(told.port, '127.0.0.1', () => console.log('ready'));
