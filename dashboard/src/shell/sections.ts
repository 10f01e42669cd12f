/** The navigation, as data: the line with its stops, the palette and the keys are made of it. */
export const SECTIONS = [
  {
    title: 'Use',
    pages: [
      { to: '/', label: 'Overview', key: 'o' },
      { to: '/models', label: 'Models', key: 'm' },
      { to: '/playground', label: 'Playground', key: 'p' },
    ],
  },
  {
    title: 'Observe',
    pages: [
      { to: '/activity', label: 'Activity', key: 'a' },
      { to: '/logs', label: 'Logs', key: 'l' },
      { to: '/rankings', label: 'Rankings', key: 'r' },
      { to: '/status', label: 'Provider status', key: 't' },
    ],
  },
  {
    title: 'Control',
    pages: [
      { to: '/keys', label: 'API keys', key: 'k' },
      { to: '/workspaces', label: 'Workspaces', key: 'w' },
      { to: '/members', label: 'Members', key: 'e' },
      { to: '/audit', label: 'Audit log', key: 'u' },
    ],
  },
  {
    title: 'Account',
    pages: [
      { to: '/credits', label: 'Credits', key: 'c' },
      { to: '/settings', label: 'Settings', key: 's' },
    ],
  },
] as const;

export const PAGES = SECTIONS.flatMap(section => [...section.pages]);
