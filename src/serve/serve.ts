// Door of serve: what the command line may ask of the rest of the product.

export { createPorts } from './ports.ts'
