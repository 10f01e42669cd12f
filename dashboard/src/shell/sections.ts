import type { Ability } from '../session/session';

/** The navigation, as data: the line with its stops, the palette and the keys are made of it. Whoever
    lacks an ability that a page needs is not led there. */
const ALL = [
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
      { to: '/byok', label: 'Provider keys', key: 'b' },
      { to: '/workspaces', label: 'Workspaces', key: 'w' },
      { to: '/members', label: 'Members', key: 'e' },
      { to: '/privacy', label: 'Privacy', key: 'v' },
      { to: '/audit', label: 'Audit log', key: 'u', ability: 'audit' },
    ],
  },
  {
    title: 'Account',
    pages: [
      { to: '/credits', label: 'Credits', key: 'c', ability: 'credits' },
      { to: '/profile', label: 'Profile', key: 'f' },
      { to: '/settings', label: 'Settings', key: 's' },
    ],
  },
] as const;

export type PageLink = (typeof ALL)[number]['pages'][number];
const opens = (page: PageLink, abilities: readonly Ability[]) =>
  !('ability' in page) || abilities.includes(page.ability);

export const sectionsFor = (abilities: readonly Ability[]) =>
  ALL.map(section => ({
    title: section.title,
    pages: (section.pages as readonly PageLink[]).filter(page => opens(page, abilities)),
  }));
export const pagesFor = (abilities: readonly Ability[]) =>
  sectionsFor(abilities).flatMap(section => section.pages);
