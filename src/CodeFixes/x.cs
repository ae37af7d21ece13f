namespace Marrow.CodeFixes; internal class XCodeFixes;
