import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/**
 * Runs the contract's tests against the cluster of the property {@link AlluxioContract#ADDRESS} and writes one line each into the
 * file of the first argument: family.test, a tab, "passed", "failed" or "skipped", a tab, why. Stack traces go to the standard
 * output.
 */
public final class ContractRun {
  public static void main(String[] arguments) throws IOException {
    try (PrintWriter results = new PrintWriter(Files.newBufferedWriter(Paths.get(arguments[0])))) {
      JUnitCore core = new JUnitCore();
      core.addListener(new Lines(results));
      for (Class<?> family : AlluxioContract.FAMILIES) {
        core.run(family);
      }
    }
    // The clients' own threads do not end by themselves.
    System.exit(0);
  }

  private static final class Lines extends RunListener {
    private final PrintWriter mResults;
    private final Map<Description, String> mNotPassed = new HashMap<>();

    private Lines(PrintWriter results) {
      mResults = results;
    }

    @Override
    public void testFailure(Failure failure) {
      System.out.println(name(failure.getDescription()));
      failure.getException().printStackTrace(System.out);
      note(failure, "failed");
      if (!failure.getDescription().isTest()) {
        // Before or after a whole family: none of its tests tells.
        testFinished(failure.getDescription());
      }
    }

    @Override
    public void testAssumptionFailure(Failure failure) {
      note(failure, "skipped");
    }

    private void note(Failure failure, String verdict) {
      Throwable why = failure.getException();
      String text = why.getClass().getSimpleName() + ": " + why.getMessage();
      // A test that fails and whose clean-up fails has two: the first is why.
      mNotPassed.putIfAbsent(failure.getDescription(), verdict + "\t" + text.replaceAll("\\s+", " "));
    }

    @Override
    public void testIgnored(Description test) {
      mNotPassed.put(test, "skipped\tignored");
      testFinished(test);
    }

    @Override
    public void testFinished(Description test) {
      String verdict = mNotPassed.remove(test);
      mResults.println(name(test) + "\t" + (verdict == null ? "passed\t" : verdict));
      mResults.flush();
    }

    private static String name(Description test) {
      String family = test.getClassName().replaceAll(".*[.$]", "");
      return family + "." + test.getMethodName();
    }
  }
}
