import type { Random } from '@idp/kit'
import { fakeProvider } from './fake.ts'
import { kubernetesProvider } from './kubernetes.ts'
import type { Provider } from './provider.ts'
import { vaultProvider } from './vault/vault.ts'
import { webhookProvider } from './webhook.ts'

/** Every provider the stand-in has, by its key in `spec.provider`. */
export function providersByName(random: Random): ReadonlyMap<string, Provider> {
  return new Map([vaultProvider(), kubernetesProvider, fakeProvider, webhookProvider(random)].map((provider) => [provider.name, provider]))
}
