/** Test suites for adapters: prove your own storage with the cases that prove ours. */

export { forwarding } from './forwarding.ts'
export { type LayerCase, layerCases, layerSuite, runLayerCase } from './layer-suite.ts'
export { type LayoutCase, layoutCases, layoutSuite, runLayoutCase } from './layout-suite.ts'
export type { CaseContext, StorageCase } from './storage-case.ts'
export {
  runStorageCase,
  type StorageFactory,
  type StoragePlace,
  type StorageSuiteOptions,
  storageCases,
  storageSuite,
  type TestFunctions,
} from './storage-suite.ts'
