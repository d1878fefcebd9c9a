/**
 * The catalogue in the language of the person. English is the only one so far; a further language is
 * a file beside `en.ts` of the same shape, chosen here.
 */
import { en, type Words } from "./en";

export type { Words };

export const words: Words = en;
