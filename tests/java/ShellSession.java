import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;

import alluxio.ClientContext;
import alluxio.cli.GetConf;
import alluxio.cli.fs.FileSystemShell;
import alluxio.cli.fsadmin.FileSystemAdminShell;
import alluxio.conf.InstancedConfiguration;
import alluxio.conf.Source;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.util.ToolRunner;

/**
 * Runs many commands of a file system shell in one JVM, because starting one takes seconds.
 *
 * Usage: ShellSession alluxio|tools|hadoop [key=value]... (settings of Hadoop). Each input line is one command: the
 * files for its standard output and its errors, then its arguments, separated by tabs. The answer is its exit code on
 * a line.
 */
public final class ShellSession {
  private interface Shell {
    int run(String[] command) throws Exception;
  }

  public static void main(String[] args) throws Exception {
    PrintStream answers = System.out;
    PrintStream ownErrors = System.err;
    Shell shell;
    switch (args[0]) {
      case "alluxio": shell = alluxio(); break;
      case "tools": shell = ShellSession::tool; break;
      default: shell = hadoop(args);
    }
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = commands.readLine(); line != null; line = commands.readLine()) {
      String[] parts = line.split("\t", -1);
      String[] command = java.util.Arrays.copyOfRange(parts, 2, parts.length);
      int code;
      try (PrintStream out = open(parts[0]); PrintStream err = open(parts[1])) {
        System.setOut(out);
        System.setErr(err);
        try {
          code = shell.run(command);
        } catch (Throwable e) {
          e.printStackTrace(err);
          code = 1000;
        }
      } finally {
        System.setOut(answers);
        System.setErr(ownErrors);
      }
      answers.println(code);
      answers.flush();
    }
    // Client threads may still run; the session is over when its input is.
    System.exit(0);
  }

  private static PrintStream open(String file) throws Exception {
    return new PrintStream(new FileOutputStream(file), false, "UTF-8");
  }

  private static Shell alluxio() {
    FileSystemShell shell = new FileSystemShell(alluxio.conf.Configuration.global());
    return shell::run;
  }

  /** -Dkey=value..., then fs, fsadmin or getConf and its arguments: everything anew, as the script starts it. */
  private static int tool(String[] words) throws Exception {
    InstancedConfiguration conf = alluxio.conf.Configuration.copyGlobal();
    int at = 0;
    for (; words[at].startsWith("-D"); at++) {
      String[] setting = words[at].substring(2).split("=", 2);
      conf.merge(java.util.Map.of(setting[0], setting[1]), Source.SYSTEM_PROPERTY);
    }
    String[] arguments = java.util.Arrays.copyOfRange(words, at + 1, words.length);
    switch (words[at]) {
      case "fs":
        try (FileSystemShell shell = new FileSystemShell(conf)) {
          return shell.run(arguments);
        }
      case "fsadmin":
        try (FileSystemAdminShell shell = new FileSystemAdminShell(conf)) {
          return shell.run(arguments);
        }
      case "getConf":
        return GetConf.getConf(ClientContext.create(conf), arguments);
      default:
        throw new IllegalArgumentException(words[at]);
    }
  }

  /** A new FsShell for each command, as the script starts it; the file systems behind it are cached by Hadoop. */
  private static Shell hadoop(String[] args) {
    Configuration conf = new Configuration();
    for (int i = 1; i < args.length; i++) {
      String[] setting = args[i].split("=", 2);
      conf.set(setting[0], setting[1]);
    }
    return command -> ToolRunner.run(new Configuration(conf), new FsShell(), command);
  }
}
