//! A provider that counts: tokens are `t1`, `t2` and so on.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use trae_native::{
    Result,
    credential::{Ask, Provider, Reason, Scheme, Source, Token},
    middleware::auth::{Auth, AuthOptions},
    pipeline::BoxFuture,
    secret::Secret,
};

type Answer = dyn Fn(usize) -> Result<Token> + Send + Sync;

/// Gives tokens.
pub struct Bank {
    answer: Box<Answer>,
    delay: Duration,
    asked: Mutex<Vec<Reason>>,
    under_way: Arc<AtomicUsize>,
    most: AtomicUsize,
}

/// Counts a question for as long as it is under way.
struct UnderWay(Arc<AtomicUsize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Bank {
    /// Answers at once; the answer knows how many were asked for so far.
    pub fn new(answer: impl Fn(usize) -> Result<Token> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, answer)
    }

    /// Takes its time.
    pub fn slow(
        delay: Duration,
        answer: impl Fn(usize) -> Result<Token> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            answer: Box::new(answer),
            delay,
            asked: Mutex::default(),
            under_way: Arc::default(),
            most: AtomicUsize::new(0),
        })
    }

    /// Why it was asked, each time.
    pub fn asked(&self) -> Vec<Reason> {
        self.asked.lock().unwrap().clone()
    }

    /// How many questions are open.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// How many were open at once at most.
    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

impl Provider for Bank {
    fn token(&self, ask: Ask) -> BoxFuture<'_, Result<Token>> {
        Box::pin(async move {
            let number = {
                let mut asked = self.asked.lock().unwrap();
                asked.push(ask.reason);
                asked.len()
            };
            let now = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            let _under_way = UnderWay(Arc::clone(&self.under_way));
            self.most.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            (self.answer)(number)
        })
    }
}

/// The token of this number, for so many seconds.
pub fn token(number: usize, seconds: impl Into<Option<u64>>) -> Token {
    Token { secret: Secret::new(format!("t{number}")), lifetime: seconds.into().map(Duration::from_secs) }
}

/// The middleware in front of this bank, in a header that is read easily.
pub fn auth(bank: &Arc<Bank>, change: impl FnOnce(&mut AuthOptions)) -> Arc<Auth> {
    let mut options = AuthOptions { scheme: Scheme::ApiKey, ..AuthOptions::default() };
    options.renewal.jitter = 0.0;
    change(&mut options);
    let provider = Arc::clone(bank) as Arc<dyn Provider>;
    Arc::new(Auth::new(Source::Provider(provider), options).unwrap())
}
