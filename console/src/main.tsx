/** Starts the console: appearance and language first, so that the first paint is right. */
import { createRoot } from 'react-dom/client';
import { Root } from './app.tsx';
import { startAppearance } from './data/preferences.ts';
import { startTexts } from './texts/i18n.ts';
import './theme/base.css';
import './theme/frame.css';
import './theme/status.css';
import './theme/pages.css';
import './theme/create.css';
import './theme/cluster.css';
import './theme/responsive.css';

startAppearance();
await startTexts();
const place = document.getElementById('root');
if (place !== null) createRoot(place).render(<Root />);
