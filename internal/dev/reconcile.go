package dev

import (
	"context"
	"time"

	"github.com/gemhook/gemhook/shared/app/reconcile"
	"github.com/gemhook/gemhook/shared/backend"
	"github.com/gemhook/gemhook/shared/config"
)

// reconcileEach is how often the reconciler does a run.
const reconcileEach = time.Minute

// startReconciler has the reconciler do a run each minute. It lists the ledger, which only the
// emulator of Firestore can do, so without that it is left out.
func (w *installation) startReconciler(ctx context.Context, b *backends, gemini *sender, started *closers) error {
	if b.firestoreHost == "" {
		return nil
	}
	configuration, err := config.Load(config.ReconcileDirect, config.Map(map[string]string{
		"GOOGLE_CLOUD_PROJECT": project, "GEMHOOK_TOPIC": topicID, "GEMHOOK_DEAD_LETTER_TOPIC": deadLetterTopicID,
		"GEMHOOK_API_KEYS": apiKey, "GOOGLE_GEMINI_BASE_URL": gemini.url, "GEMHOOK_URL": gemini.receiverURL,
	}))
	if err != nil {
		return err
	}
	reconciler, opened := reconcile.New(configuration, w.logger(), &reconcile.Options{Options: backend.Options{Now: w.now}})
	started.add(opened.Close)
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	started.add(func() error { cancel(); <-ended; return nil })
	go func() {
		defer close(ended)
		for timer := time.NewTicker(reconcileEach); ; {
			select {
			case <-timer.C:
				_, _ = reconciler.Invoke(running, nil) // its errors are in the log
			case <-running.Done():
				timer.Stop()
				return
			}
		}
	}()
	w.out.up("reconcile", "every minute")
	return nil
}
