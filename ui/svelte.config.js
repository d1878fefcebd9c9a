/** @type {import("@sveltejs/vite-plugin-svelte").SvelteConfig} */
export default {
  compilerOptions: {
    runes: true,
    // A screen is made anew for another profile or conversation (`{#key}`), so what it reads of
    // its properties at the beginning stays true.
    warningFilter: ({ code }) => code !== "state_referenced_locally",
  },
};
