/** Starts the console: appearance and language first, so that the first paint is right. */
import { createRoot } from 'react-dom/client';
import { Root } from './app.tsx';
import { startAppearance } from './data/preferences.ts';
import { startTexts } from './texts/i18n.ts';
import './theme/base.css';

startAppearance();
await startTexts();
const place = document.getElementById('root');
if (place !== null) createRoot(place).render(<Root />);
