import type { Provider } from './provider.ts'
import { vaultProvider } from './vault/vault.ts'

/** Every provider the stand-in has, by its key in `spec.provider`. */
export function providersByName(): ReadonlyMap<string, Provider> {
  return new Map([vaultProvider()].map((provider) => [provider.name, provider]))
}
