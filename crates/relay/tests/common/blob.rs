//! A blob, as its owner sees it.
use super::http::{Response, http};
use super::*;

/// A blob of random bytes.
pub struct Blob {
    pub id: BlobId,
    pub owner: SigningKey,
    pub upload: UploadKey,
    pub bytes: Vec<u8>,
}

impl Blob {
    pub fn new(len: u64) -> Self {
        let mut bytes = vec![0; usize::try_from(blob_size(len).unwrap()).unwrap()];
        sotto_suite::Random::fill(&mut SystemRandom::new(), &mut bytes);
        Self {
            id: BlobId(SystemRandom::new().bytes()),
            owner: SigningKey::from_seed(&SystemRandom::new().secret()),
            upload: UploadKey::random(&mut SystemRandom::new()),
            bytes,
        }
    }

    pub fn keep(&self) -> Command {
        Command::KeepBlob {
            blob: self.id,
            owner: self.owner.public(),
            upload: self.upload.hash(),
            size: self.bytes.len() as u64,
            hours: 30 * 24,
        }
    }

    pub fn delete(&self) -> Command {
        Command::DeleteBlob {
            blob: self.id,
            owner: self.owner.public(),
        }
    }

    pub async fn make(&self, client: &mut Client) -> BlobState {
        client
            .ask(self.prove(client))
            .await
            .expect("a proof of the owner");
        match client.ask(self.keep()).await {
            Ok(Reply::Blob(state)) => state,
            other => panic!("{other:?}"),
        }
    }

    pub fn prove(&self, client: &Client) -> Command {
        client.binding.prove_owner(self.id, &self.owner)
    }

    pub fn path(&self) -> String {
        blob_path(&self.id)
    }

    pub async fn patch(&self, address: &RelayAddress, from: usize, until: usize) -> Response {
        let headers = [
            ("authorization", self.upload.authorization()),
            ("upload-offset", from.to_string()),
        ];
        let headers = headers.each_ref().map(|(name, value)| (*name, &**value));
        http(
            address,
            "PATCH",
            &self.path(),
            &headers,
            &self.bytes[from..until],
        )
        .await
    }

    /// How far it has come.
    pub async fn head(&self, address: &RelayAddress) -> Response {
        let authorization = self.upload.authorization();
        let headers = [("authorization", &*authorization)];
        http(address, "HEAD", &self.path(), &headers, b"").await
    }

    pub async fn get(&self, address: &RelayAddress, headers: &[(&str, &str)]) -> Response {
        http(address, "GET", &self.path(), headers, b"").await
    }
}
