export type { AnyObject, Json, JsonObject, KubeObject, ManagedFieldsEntry, ObjectMeta, OwnerReference } from './kube-object.ts'
