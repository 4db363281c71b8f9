// The types of age-encryption name one of browsers that Node does not have. Nothing here uses what it is for.

declare type AuthenticationExtensionsPRFValues = never
