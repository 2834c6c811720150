/** The entry `./deep`: the look inside of layers for `fsck`. Written by hand: what isn't here is nobody's business. */

export { defaultLayerLimits, type LayerLimits } from './limits.ts'
export { type LayerCheckOptions, layerCheck } from './look.ts'
