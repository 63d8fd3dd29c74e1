//! The command line: names that scripts rely on.
//!
//! Only names and arguments stand here; what a command does stands in [`crate::core`] (writing and listing) and
//! [`crate::commands`] (the rest). *Invariant:* messages go to stderr, data to stdout, exit codes are 0 ok, 1 refused or failed, 2 usage.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// いまボード: the status board of a city.
#[derive(Debug, Parser)]
#[command(name = "imaboard", version, about, max_term_width = 100)]
pub struct Cli {
    /// Options that stand before or after any command.
    #[command(flatten)]
    pub common: Common,
    /// What to do; `serve` if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// `imaboard` alone serves, so its options work without the word.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Settings file (default: DATA/imaboard.toml if it exists)
    #[arg(long, global = true, value_name = "FILE", env = "IMABOARD_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data folder
    #[arg(long, global = true, value_name = "DIR", default_value = "./data", env = "IMABOARD_DATA")]
    pub data: PathBuf,
    /// Database: sqlite:PATH or postgres://USER@HOST/DATABASE (default: SQLite in the data folder)
    #[arg(long, global = true, value_name = "URL")]
    pub database: Option<String>,
    /// Listings as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

/// Options of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Address of the pages
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Address of the embedded broker, or "off"
    #[arg(long, value_name = "ADDR|off")]
    pub mqtt_listen: Option<String>,
    /// An external broker instead (mqtt://host:port or mqtts://host:port)
    #[arg(long, value_name = "URL")]
    pub mqtt_url: Option<String>,
    /// Address of health and metrics, or "off"
    #[arg(long, value_name = "ADDR|off")]
    pub ops_listen: Option<String>,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the board (the default)
    Serve(ServeArgs),
    /// Set up an empty city, without sample data
    Init,
    /// Run a throw-away sample city with simulated life
    Demo(ServeArgs),
    /// The facility register
    Register {
        /// What to do with it
        #[command(subcommand)]
        command: RegisterCommand,
    },
    /// Facilities and their report keys
    Facility {
        /// What to do with it
        #[command(subcommand)]
        command: FacilityCommand,
    },
    /// Push buttons
    Button {
        /// What to do with it
        #[command(subcommand)]
        command: ButtonCommand,
    },
    /// Who may sit at the desk
    Staff {
        /// What to do with it
        #[command(subcommand)]
        command: StaffCommand,
    },
    /// Incidents and exercises
    Incident {
        /// What to do with it
        #[command(subcommand)]
        command: IncidentCommand,
    },
    /// Roll calls
    Rollcall {
        /// What to do with it
        #[command(subcommand)]
        command: RollcallCommand,
    },
    /// Notices, jobs and remarks
    Posting {
        /// What to do with it
        #[command(subcommand)]
        command: PostingCommand,
    },
    /// Wall displays
    Display {
        /// What to do with it
        #[command(subcommand)]
        command: DisplayCommand,
    },
    /// Read device messages from stdin, say what each is
    Decode {
        /// One JSON object a line
        #[arg(long, required = true)]
        jsonl: bool,
        /// A folder of further device profiles
        #[arg(long, value_name = "DIR")]
        profiles: Option<PathBuf>,
    },
    /// Read texts from stdin, say whether they may be shared
    Guard {
        /// One JSON object a line
        #[arg(long, required = true)]
        jsonl: bool,
        /// Registered facility data that counts as public
        #[arg(long, value_name = "FILE.json")]
        register: Option<PathBuf>,
    },
    /// The log
    Log {
        /// What to do with it
        #[command(subcommand)]
        command: LogCommand,
    },
    /// Check settings, database, clock and broker
    Check,
    /// Copy a whole city into another, empty database and prove the copy; run again, it goes on where it was cut off
    Copy {
        /// The city: sqlite:PATH or postgres://USER@HOST/DATABASE; it may be in use
        #[arg(long, value_name = "URL")]
        from: String,
        /// Where it shall stand: the same kinds, empty
        #[arg(long, value_name = "URL")]
        to: String,
    },
}

/// `register …`
#[derive(Debug, Subcommand)]
pub enum RegisterCommand {
    /// Take a CSV file into the register
    Import {
        /// UTF-8 (with or without BOM) or Shift_JIS
        file: PathBuf,
        /// Show what would change, change nothing
        #[arg(long)]
        dry_run: bool,
        /// The file is the whole register: retire what is not in it
        #[arg(long)]
        complete: bool,
    },
    /// Write the register as CSV to stdout
    Export,
}

/// `facility …`
#[derive(Debug, Subcommand)]
pub enum FacilityCommand {
    /// List the register
    List,
    /// Print the report URL of a facility
    Key {
        /// The facility's id
        id: String,
        /// Revoke the keys it has and issue a new one
        #[arg(long)]
        rotate: bool,
        /// Where the key hangs
        #[arg(long, default_value = "玄関")]
        label: String,
        /// Write a QR code, .svg or .png
        #[arg(long, value_name = "FILE")]
        qr: Option<PathBuf>,
    },
}

/// `button …`
#[derive(Debug, Subcommand)]
pub enum ButtonCommand {
    /// Enrol a button for a facility
    Enrol {
        /// The facility's id
        #[arg(long)]
        facility: String,
        /// The device family
        #[arg(long, default_value = "imaboard")]
        profile: String,
        /// The device's own name on the wire
        #[arg(long)]
        device: String,
        /// What a gesture sets, one or several
        #[arg(long = "set", required = true, num_args = 1.., value_name = "GESTURE[@N]=ASPECT:VALUE")]
        sets: Vec<String>,
    },
    /// List enrolled buttons
    List,
    /// Show the MQTT user and password of a button or of a gateway
    Credential {
        /// The button's id
        #[arg(required_unless_present = "gateway")]
        id: Option<String>,
        /// A device family whose gateway speaks for all its buttons
        #[arg(long, value_name = "PROFILE")]
        gateway: Option<String>,
    },
    /// Publish a real press as that device would
    Press {
        /// The button's id
        id: String,
        /// GESTURE, or GESTURE@N for a device with several keys
        #[arg(default_value = "single")]
        gesture: String,
        /// The broker, if it is not the running program's own
        #[arg(long, value_name = "URL")]
        mqtt_url: Option<String>,
    },
    /// Remove a button
    Remove {
        /// The button's id
        id: String,
    },
}

/// `staff …`
#[derive(Debug, Subcommand)]
pub enum StaffCommand {
    /// Print the address by which somebody takes a seat at the desk: once, within three days. A name there is gets a new one
    Invite {
        /// What the seat is called, for example 福祉課 1番席
        name: String,
        /// viewer, coordinator or admin; a seat there is keeps its role without it
        #[arg(long)]
        role: Option<String>,
    },
    /// List the seats
    List,
    /// Close a seat: its sessions end at once. Prints the report keys it issued
    Disable {
        /// Its name
        name: String,
    },
}

/// `incident …`
#[derive(Debug, Subcommand)]
pub enum IncidentCommand {
    /// Open an incident or exercise
    Open {
        /// Its name
        name: String,
        /// typhoon, heavy_rain, earthquake, tsunami, landslide, snow, power_cut, water_cut, outbreak, fire, other
        #[arg(long)]
        hazard: String,
        /// Affected districts by id or name; none means the whole city
        #[arg(long = "area", num_args = 1.., value_name = "A")]
        areas: Vec<String>,
        /// 訓練
        #[arg(long)]
        exercise: bool,
        /// 警戒 only: no damage-first pages yet
        #[arg(long)]
        alert: bool,
    },
    /// Close an incident or exercise
    Close {
        /// Its id
        id: String,
    },
    /// List incidents
    List,
}

/// `rollcall …`
#[derive(Debug, Subcommand)]
pub enum RollcallCommand {
    /// Ask everyone to answer
    Open {
        /// Districts asked; none means all
        #[arg(long = "area", num_args = 1.., value_name = "A")]
        areas: Vec<String>,
        /// 訓練 (the default while only an exercise is open)
        #[arg(long)]
        exercise: bool,
    },
    /// Close the open roll call
    Close {
        /// Its id, if several are open
        id: Option<String>,
    },
}

/// `posting …`
#[derive(Debug, Subcommand)]
pub enum PostingCommand {
    /// List postings, pending ones first
    List,
    /// Write a notice of the city; it waits for `publish`
    Draft {
        /// The title
        title: String,
        /// The text
        #[arg(long, default_value = "")]
        body: String,
        /// general, transport, hours, training, disaster, infection
        #[arg(long, default_value = "general")]
        category: String,
    },
    /// Release a posting to the public
    Publish {
        /// Its id
        id: String,
        /// From when (RFC 3339, or a city date such as 2026-12-01)
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Until when
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Above the others
        #[arg(long)]
        pin: bool,
    },
    /// Take a posting off
    Withdraw {
        /// Its id
        id: String,
    },
}

/// `display …`
#[derive(Debug, Subcommand)]
pub enum DisplayCommand {
    /// Add a display
    Add {
        /// Its id, part of its address
        id: String,
        /// Where it hangs
        name: String,
        /// Districts it shows; none means the whole city
        #[arg(long = "area", num_args = 1.., value_name = "A")]
        areas: Vec<String>,
    },
    /// List displays
    List,
}

/// `log …`
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Print entries
    Tail {
        /// First position
        #[arg(long, value_name = "SEQ")]
        from: Option<u64>,
        /// Keep printing what comes
        #[arg(long)]
        follow: bool,
    },
    /// Prove that the chain is whole
    Verify {
        /// A head noted elsewhere (64 hexadecimal digits)
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
    /// Erase the text of an entry
    Redact {
        /// Its position
        seq: u64,
        /// Why, in words that repeat nothing of it
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
}
