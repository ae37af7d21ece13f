using System.Text;

namespace Marrow.Generators.Emission;

/// <summary>Lays out emitted lines that are longer than a screen shows, as a person would break them.</summary>
internal static class LineWrapper
{
    private const int Width = 120;
    private const string Base = " : global::Marrow.Model<";

    public static string Wrap(string text) =>
        string.Join("\n", text.Split('\n').SelectMany(line => Lines(line.TrimEnd())));

    private static IEnumerable<string> Lines(string line)
    {
        if (line.Length <= Width)
        {
            return [line];
        }

        var indent = line.Substring(0, line.Length - line.TrimStart().Length);
        var code = line.Substring(indent.Length);
        if (code.StartsWith("//", StringComparison.Ordinal))
        {
            return Comment(indent, code);
        }

        // A comment behind code moves above it.
        if (Find(code, " // ") is >= 0 and var comment)
        {
            return Comment(indent, code.Substring(comment + 1)).Concat(Lines(indent + code.Substring(0, comment)));
        }

        var inner = indent + "    ";
        if (Find(code, " => ") is >= 0 and var arrow && !IsLambda(code.Substring(0, arrow)))
        {
            return Lines(indent + code.Substring(0, arrow + 3)).Concat(Lines(inner + code.Substring(arrow + 4)));
        }

        // The base of a model, and the types of its inputs and its result.
        if (Find(code, Base) is > 0 and var clause)
        {
            return Lines(indent + code.Substring(0, clause)).Concat(Lines(inner + code.Substring(clause + 1)));
        }

        if (code.StartsWith(Base.TrimStart(), StringComparison.Ordinal)
            && Close(code, code.IndexOf('<'), isType: true) is var (end, types))
        {
            return Fill(indent, inner, code, code.IndexOf('<'), end, types);
        }

        if (Find(code, " ? ") is >= 0 and var question && Find(code, " : ") is var colon && colon > question)
        {
            return
            [
                indent + code.Substring(0, question),
                .. Lines(inner + code.Substring(question + 1, colon - question - 1)),
                .. Lines(inner + code.Substring(colon + 1)),
            ];
        }

        return Arguments(code) is not var (open, close, commas)
            ? [line]
            : Fill(indent, inner, code, open, close, commas);
    }

    /// <summary>Words of a comment, with what it starts with repeated.</summary>
    private static IEnumerable<string> Comment(string indent, string code)
    {
        var slashes = code.TakeWhile(letter => letter == '/').Count();
        var text = code.Substring(slashes);
        var spaces = text.Length - text.TrimStart().Length;
        var start = indent + code.Substring(0, slashes) + new string(' ', spaces);
        var next = slashes == 3 && spaces > 1 ? start + "    " : start;
        var line = new StringBuilder(start);
        var isEmpty = true;
        foreach (var word in text.Trim().Split(' '))
        {
            if (!isEmpty && line.Length + 1 + word.Length > Width)
            {
                yield return line.ToString().TrimEnd();
                line = new StringBuilder(next);
                isEmpty = true;
            }

            line.Append(isEmpty ? "" : " ").Append(word);
            isEmpty = false;
        }

        yield return line.ToString();
    }

    /// <summary>Arguments on lines of their own, as many on each as fit; the first behind a short opening.</summary>
    private static IEnumerable<string> Fill(
        string indent, string inner, string code, int open, int close, IReadOnlyList<int> commas)
    {
        var line = new StringBuilder(indent).Append(code, 0, open + 1);
        var isEmpty = open >= inner.Length - indent.Length;
        if (isEmpty)
        {
            yield return line.ToString();
            line = new StringBuilder(inner);
        }

        var start = open + 1;
        foreach (var end in commas.Append(close))
        {
            var argument = code.Substring(start, end - start) + (end == close ? code.Substring(close) : ",");
            start = end + 1;
            if (!isEmpty && line.Length + argument.Length > Width)
            {
                yield return line.ToString();
                line = new StringBuilder(inner);
                isEmpty = true;
            }

            line.Append(isEmpty ? argument.TrimStart() : argument);
            isEmpty = false;
        }

        foreach (var last in Lines(line.ToString()))
        {
            yield return last;
        }
    }

    private static bool IsLambda(string parameters) =>
        parameters is "()" or "_" || (parameters.Length > 0 && parameters.All(char.IsLetterOrDigit));

    /// <summary>The first position of a text outside strings and brackets, or −1.</summary>
    private static int Find(string code, string text)
    {
        for (var (i, depth) = (0, 0); i < code.Length; i++)
        {
            if (code[i] == '"')
            {
                i = EndOfString(code, i);
                continue;
            }

            depth += Depth(code[i]);
            if (depth == 0 && string.CompareOrdinal(code, i, text, 0, text.Length) == 0)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>The widest pair of round brackets, and the commas directly in it.</summary>
    private static (int Open, int Close, IReadOnlyList<int> Commas)? Arguments(string code)
    {
        (int Open, int Close, IReadOnlyList<int> Commas)? widest = null;
        for (var i = 0; i < code.Length; i++)
        {
            if (code[i] == '"')
            {
                i = EndOfString(code, i);
            }
            else if (code[i] == '(' && Close(code, i) is var (close, commas))
            {
                if (widest is null || close - i > widest.Value.Close - widest.Value.Open)
                {
                    widest = (i, close, commas);
                }

                i = close;
            }
        }

        return widest;
    }

    private static (int Close, IReadOnlyList<int> Commas)? Close(string code, int open, bool isType = false)
    {
        var commas = new List<int>();
        var depth = 0;
        for (var i = open; i < code.Length; i++)
        {
            if (code[i] == '"')
            {
                i = EndOfString(code, i);
                continue;
            }

            depth += isType && code[i] is '<' or '>' ? code[i] == '<' ? 1 : -1 : Depth(code[i]);
            if (depth == 0)
            {
                return (i, commas);
            }

            if (depth == 1 && code[i] == ',')
            {
                commas.Add(i);
            }
        }

        return null;
    }

    private static int Depth(char letter) => letter switch { '(' or '[' or '{' => 1, ')' or ']' or '}' => -1, _ => 0 };

    private static int EndOfString(string code, int start)
    {
        var i = start + 1;
        while (i < code.Length && code[i] != '"')
        {
            i += code[i] == '\\' ? 2 : 1;
        }

        return i;
    }
}
