/** Copying: a small button that says what it copied, and a block of code with one. */
import { CheckOutlined, CopyOutlined } from '@ant-design/icons';
import { Button, Tooltip } from 'antd';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';

export function CopyButton({ text, what }: { text: string; what: string }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 1_600);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Tooltip title={copied ? t('common.copied') : t('common.copy')}>
      <Button
        type="text"
        size="small"
        className="copy"
        aria-label={copied ? t('common.copied') : t('common.copyWhat', { what })}
        icon={copied ? <CheckOutlined /> : <CopyOutlined />}
        onClick={() => void copyText(text).then(() => setCopied(true))}
      />
    </Tooltip>
  );
}

export function CodeBlock({ text, what, shown }: { text: string; what: string; shown?: string }) {
  return (
    <div className="code">
      <pre>
        <code>{shown ?? text}</code>
      </pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}

/** The clipboard API exists only on loopback and HTTPS; elsewhere a selection does it. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.className = 'visually-hidden';
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}
